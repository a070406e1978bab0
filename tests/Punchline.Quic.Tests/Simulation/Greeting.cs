using System.Text;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>
/// A client that says HELLO on the control stream as soon as it may, and a host that answers: what a re-join is about. The client keeps
/// the sessions that it is given.
/// </summary>
internal sealed class Greeting : ISimulatedApplication
{
    internal static readonly UdpAddress ClientAddress = UdpAddress.FromBytes([198, 18, 1, 1], 0, 40_001);
    internal static readonly UdpAddress HostAddress = UdpAddress.FromBytes([198, 18, 1, 2], 0, 40_002);

    /// <summary>One way.</summary>
    internal static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(40);

    private static readonly StreamId Control = StreamId.From(clientInitiated: true, bidirectional: true, ordinal: 0);
    private static readonly byte[] Hello = Encoding.ASCII.GetBytes("HELLO");

    internal Greeting(ulong seed, QuicTransportOptions? transport = null, IAdmission? admission = null)
    {
        transport ??= new QuicTransportOptions { TicketsPerConnection = 2 };
        Network = new SimulatedNetwork(seed) { Default = new LinkProfile { Delay = Delay } };
        Client = new SimulatedPeer(Network, "client", seed + 1, transport, null, this);
        Host = new SimulatedPeer(Network, "host", seed + 2, transport, admission ?? new AcceptAll(SimulatedIdentities.IdOf("client")), this);
        Client.AddAddress(ClientAddress, relay: true);
        Host.AddAddress(HostAddress, relay: true);
    }

    internal SimulatedNetwork Network { get; }

    internal SimulatedPeer Client { get; }

    /// <summary>May be replaced by another one at the same address: a host that restarts.</summary>
    internal SimulatedPeer Host { get; set; }

    /// <summary>The client's present connection.</summary>
    internal QuicConnection Connection { get; private set; } = null!;

    /// <summary>What the client was given and has not used.</summary>
    internal Queue<byte[]> Sessions { get; } = new();

    /// <summary>HELLOs that the host has read, over all connections.</summary>
    internal int HellosHeard { get; private set; }

    /// <summary>Whether the host had verified the client by then.</summary>
    internal bool HeardEarly { get; private set; }

    /// <summary>How long the present connection's HELLO took to be answered; null before.</summary>
    internal TimeSpan? AnsweredAfter { get; private set; }

    internal bool WasRejected { get; private set; }

    internal List<QuicError> Closes { get; } = [];

    private Instant StartedAt { get; set; }

    /// <summary>Opens a connection and says HELLO when it may.</summary>
    internal QuicConnection Connect(ReadOnlyMemory<byte> session = default, TimeSpan age = default)
    {
        (AnsweredAfter, HeardEarly, WasRejected, StartedAt) = (null, false, false, Network.Now);
        Connection = Client.Connect(ClientAddress, HostAddress, SimulatedIdentities.IdOf("host"), session: session, sessionAge: age);
        if (Connection.IsEarlyDataOpen)
            SayHello(Connection);
        return Connection;
    }

    /// <summary>Connects with the oldest session.</summary>
    internal QuicConnection Reconnect(TimeSpan age = default) => Connect(Sessions.Dequeue(), age);

    /// <summary>A first connection, whose sessions have come, and which has been closed.</summary>
    internal Greeting HaveMet()
    {
        Connect();
        RunUntil(() => AnsweredAfter is not null && Sessions.Count == 2, "no first meeting");
        CloseAll();
        return this;
    }

    internal void CloseAll()
    {
        Connection.Close(Network.Now, 0, "");
        RunUntil(() => Client.Connections.Count == 0 && Host.Connections.Count == 0, "no end");
    }

    internal void RunUntil(Func<bool> condition, string what)
    {
        if (!Network.RunUntil(condition, TimeSpan.FromSeconds(60)))
            Assert.Fail($"{what}; {string.Join(", ", Closes)}\n{Network.Log.Tail}");
    }

    internal void RunUntilAnswered() => RunUntil(() => AnsweredAfter is not null, "HELLO was not answered");

    /// <inheritdoc/>
    public void OnEvent(SimulatedPeer peer, QuicConnection connection, in QuicEvent quicEvent)
    {
        switch (quicEvent.Kind)
        {
            case QuicEventKind.EarlyDataRejected:
                WasRejected = true;
                break;
            case QuicEventKind.Established when connection.IsClient && !HasControl(connection):
                SayHello(connection);
                break;
            case QuicEventKind.SessionReceived:
                while (connection.TryTakeSession(out byte[]? session))
                    Sessions.Enqueue(session);
                break;
            case QuicEventKind.StreamReadable when quicEvent.Stream == Control:
                Read(connection);
                break;
            case QuicEventKind.Closed:
                Closes.Add(quicEvent.Error!);
                break;
        }
    }

    // A stream that was opened early is gone after a rejection, and then the first one can be opened again.
    private static bool HasControl(QuicConnection connection) => connection.Write(Control, default, out _) == StreamStatus.Ok;

    private static void SayHello(QuicConnection connection)
    {
        Assert.True(connection.TryOpenStream(bidirectional: true, out StreamId id));
        Assert.Equal(Control, id);
        Assert.Equal(StreamStatus.Ok, connection.Write(id, Hello, out int accepted));
        Assert.Equal(Hello.Length, accepted);
    }

    private void Read(QuicConnection connection)
    {
        Span<byte> bytes = stackalloc byte[64];
        Assert.Equal(StreamStatus.Ok, connection.Read(Control, bytes, out int count));
        if (count == 0)
            return;
        Assert.Equal(Hello, bytes[..count].ToArray());
        if (connection.IsClient)
        {
            Assert.Null(AnsweredAfter);
            AnsweredAfter = Network.Now - StartedAt;
            return;
        }
        HellosHeard++;
        HeardEarly |= !connection.IsEstablished;
        connection.Write(Control, Hello, out _);
    }
}
