using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Punchline.Invites;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Server.Control;
using Punchline.Server.Directory;
using Punchline.Server.Relay;
using Punchline.Testing;
using Punchline.Udp;

namespace Punchline.Server.Tests.Control;

/// <summary>The control side of a server without any I/O, in a time that the test moves.</summary>
internal sealed class ControlScene
{
    private readonly Dictionary<InviteId, byte[]> _keys = [];

    public ControlScene(RelayTerms? relay = null)
    {
        var options = new PunchlineServerOptions { Time = Time, Relay = relay };
        Clock = new MonotonicClock(Time);
        Directory = new HostDirectory(new RelayTable(SystemRandomness.Instance), Clock, options);
        Service = new ControlService(options, Clock, Directory, Inbox, new ServerMetrics(), static () => true, NullLogger.Instance);
    }

    public ManualTime Time { get; } = new();

    public MonotonicClock Clock { get; }

    public HostDirectory Directory { get; }

    public ChannelInbox Inbox { get; } = new();

    public ControlService Service { get; }

    public ControlSession Session(PeerSocket socket, string address = "192.0.2.1") => new(Service, socket, new UdpAddress(IPAddress.Parse(address), 4433));

    /// <summary>A host that is there, with so many invites; its proofs are taken to be checked.</summary>
    public Registration Register(ControlSession session, int invites)
    {
        var entries = Enumerable.Range(1, invites).Select(i => new RelayEntry(new InviteId((ulong)i), new byte[InviteKeys.RelayKeyLength])).ToList();
        foreach (RelayEntry entry in entries)
            _keys[entry.Id] = entry.RelayKey;
        var message = new Register(1, ControlFeatures.None, new byte[32], "s:1", new byte[91], 5, "v", entries);
        return Directory.Register(new HostKey(new string('0', 64), "s:1"), session, message)!;
    }

    /// <summary>An OPEN as a client makes it that knows the invite.</summary>
    public Open OpenFor(ControlSession client, ulong invite, ControlFeatures features = ControlFeatures.None)
    {
        var message = new Open(1, features, new byte[32], "s:1", new byte[32], new InviteId(invite), "v");
        return message with { Mac = ControlProof.OpenMac(_keys[message.InviteId], "s:1", client.Nonce, message) };
    }

    public RelayPair Open(ControlSession client, ulong invite, out PairEntry pair)
    {
        ControlError error = Directory.Open(client, OpenFor(client, invite), out PairEntry? opened);
        Xunit.Assert.Equal(ControlError.None, error);
        pair = opened!;
        return pair.Relay;
    }
}
