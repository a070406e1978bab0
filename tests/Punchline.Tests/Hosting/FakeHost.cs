using Microsoft.Extensions.Logging.Abstractions;
using Punchline.Endpoint;
using Punchline.Hosting;
using Punchline.Invites;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Udp;
using Xunit;

namespace Punchline.Tests.Hosting;

/// <summary>A host at the rig's server whose door and sessions are the test's: it does what no honest host does.</summary>
internal sealed class FakeHost : IAsyncDisposable
{
    private readonly PeerNode _node;
    private readonly ServerContact _contact;

    private FakeHost(PeerNode node, ServerContact contact, Invite invite)
    {
        _node = node;
        _contact = contact;
        Invite = invite;
    }

    public Invite Invite { get; }

    public PeerNode Node => _node;

    public static async Task<FakeHost> StartAsync(Rig rig, Func<PeerNode, EndpointConnection, IConnectionHandler> accept, Func<HostIdentity, Invite, IAdmission> door)
    {
        var identity = HostIdentity.LoadOrCreate(new StateDirectory(rig.StateOf("fake-host")), SystemRandomness.Instance);
        Assert.True(ServerAddress.TryParse(rig.ServerAddress, out ServerAddress? server));
        var invite = new Invite(identity.PeerId, new byte[] { 1, 2, 3, 4, 5, 6, 7, 8 }, new byte[16], [server!]);
        var clock = new MonotonicClock(TimeProvider.System);
        PeerNode? node = null;
        node = await PeerNode.StartAsync(new PeerNodeOptions
        {
            Time = TimeProvider.System,
            Clock = clock,
            Platform = UdpPlatform.Detect(portable: false),
            Randomness = SystemRandomness.Instance,
            Identity = identity,
            Logger = NullLogger.Instance,
            Admission = door(identity, invite),
            Accept = connection => accept(node!, connection),
        });
        ServerContact contact = await ServerContact.ConnectAsync(node, server!, static _ => true, default);
        using var signer = P256Signer.ImportPkcs8(identity.Pkcs8.Span);
        Registered registered = await contact.Channel.RegisterAsync(
            new HostRegistration { Signer = signer, DoorNonce = Nonce, Secrets = [(InviteId.Read(invite.Id.Span), invite.Secret.ToArray())] }, default);
        await contact.BindAsync(registered.Handle, registered.Key, default);
        return new FakeHost(node, contact, invite);
    }

    public async ValueTask DisposeAsync()
    {
        await _contact.DisposeAsync();
        await _node.DisposeAsync();
    }

    /// <summary>The door nonce that it publishes.</summary>
    public const ulong Nonce = 1;

    /// <summary>Refuses everybody, with a text.</summary>
    internal sealed class Refuser(string reason, ulong code = Refusal.Ended) : IAdmission
    {
        public AdmissionVerdict Admit(in InitialFacts facts) => new() { Action = AdmissionAction.Refuse, RefusalCode = code, RefusalReason = reason };

        public void OnHandshakeEnded(object? tag, bool established)
        {
        }

        public void OnConnectionEnded(object? tag)
        {
        }
    }

    /// <summary>Lets everybody in whose token opens.</summary>
    internal sealed class Opener(HostIdentity identity, Invite invite) : IAdmission
    {
        public AdmissionVerdict Admit(in InitialFacts facts)
        {
            using var key = new System.Security.Cryptography.AesGcm(InviteKeys.Door(invite.Secret.Span), DoorToken.TagLength);
            var peer = new byte[DoorToken.PeerIdLength];
            return DoorToken.TryOpen(key, facts.Token, identity.PeerId.Span, facts.Destination, out _, peer)
                ? new AdmissionVerdict { Action = AdmissionAction.Accept, ExpectedPeerId = peer }
                : new AdmissionVerdict { Action = AdmissionAction.Ignore };
        }

        public void OnHandshakeEnded(object? tag, bool established)
        {
        }

        public void OnConnectionEnded(object? tag)
        {
        }
    }

    /// <summary>Tells which streams it was allowed to open: bidirectional, unidirectional.</summary>
    internal sealed class Caller(PeerNode node, EndpointConnection connection, EventSink events, TaskCompletionSource<(bool, bool)> allowed)
        : PeerSession(node, connection, events)
    {
        public override void OnEstablished()
        {
            Join(pair: null);
            allowed.TrySetResult((Connection.TryOpenStream(bidirectional: true, out _), Connection.TryOpenStream(bidirectional: false, out _)));
        }

        public override void OnStreamOpened(StreamId stream) => Control ??= new ControlStream(Connection, stream, Receive);

        private protected override void OnHello(TunnelHello hello)
        {
        }

        private protected override void OnMessage(TunnelMessage message)
        {
        }
    }

    /// <summary>Says the same again and again.</summary>
    internal sealed class Babbler(PeerNode node, EndpointConnection connection, EventSink events, TunnelMessage message, int times) : PeerSession(node, connection, events)
    {
        public override void OnEstablished() => Join(pair: null);

        public override void OnStreamOpened(StreamId stream) => Control ??= new ControlStream(Connection, stream, Receive);

        private protected override void OnHello(TunnelHello hello)
        {
            Control!.Send(new TunnelHello(0, "0"));
            for (int i = 0; i < times; i++)
                Control.Send(message);
        }

        private protected override void OnMessage(TunnelMessage message)
        {
        }
    }
}
