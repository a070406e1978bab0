using Punchline.Quic.Tls;
using Punchline.Quic.Wire;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>Re-joins: sessions resumed, 0-RTT taken, rejected, lost and replayed (RFC 9001 section 4.6, RFC 9000 section 7.4.1).</summary>
public sealed class ResumptionTests
{
    private static readonly TimeSpan RoundTrip = 2 * Greeting.Delay;

    [Fact]
    public void A_rejoin_has_its_hello_answered_one_round_trip_earlier()
    {
        Greeting greeting = new(200);
        greeting.Connect();
        greeting.RunUntilAnswered();
        TimeSpan full = greeting.AnsweredAfter!.Value;
        Assert.False(greeting.Connection.IsResumed);
        Assert.False(greeting.HeardEarly);
        greeting.RunUntil(() => greeting.Sessions.Count == 2, "no sessions");
        greeting.CloseAll();

        greeting.Reconnect();
        greeting.RunUntilAnswered();
        Assert.True(greeting.Connection.IsResumed);
        Assert.True(greeting.HeardEarly);
        Assert.Equal(2 * RoundTrip, full);
        Assert.Equal(RoundTrip, greeting.AnsweredAfter);
        Assert.Equal(SimulatedIdentities.IdOf("host"), greeting.Connection.PeerId.ToArray());
        greeting.RunUntil(() => greeting.Host.Connections[0].IsEstablished, "not established at the host");
        Assert.Equal(SimulatedIdentities.IdOf("client"), greeting.Host.Connections[0].PeerId.ToArray());
        // And it is not the last time.
        greeting.RunUntil(() => greeting.Sessions.Count == 3, "no new sessions");
    }

    [Fact]
    public void Without_0_rtt_a_session_is_resumed_all_the_same()
    {
        Greeting greeting = new Greeting(201, new QuicTransportOptions { TicketsPerConnection = 2, EarlyData = false }).HaveMet();
        greeting.Reconnect();
        Assert.False(greeting.Connection.IsEarlyDataOpen);
        greeting.RunUntilAnswered();
        Assert.True(greeting.Connection.IsResumed);
        Assert.Equal(2 * RoundTrip, greeting.AnsweredAfter);
    }

    [Fact]
    public void A_session_of_a_host_that_restarted_leads_to_a_full_handshake_and_hello_is_said_again()
    {
        Greeting greeting = new Greeting(202).HaveMet();
        greeting.Host.IsDead = true;
        greeting.Host.RemoveAddress(Greeting.HostAddress);
        greeting.Host = new SimulatedPeer(greeting.Network, "host", 999, new QuicTransportOptions { TicketsPerConnection = 2 },
            new AcceptAll(SimulatedIdentities.IdOf("client")), greeting);
        greeting.Host.AddAddress(Greeting.HostAddress, relay: true);
        greeting.Reconnect();
        Assert.True(greeting.Connection.IsEarlyDataOpen);
        greeting.RunUntilAnswered();
        Assert.True(greeting.WasRejected);
        Assert.False(greeting.Connection.IsResumed);
        Assert.Equal(2, greeting.HellosHeard);
        Assert.Equal(2 * RoundTrip, greeting.AnsweredAfter);
        Assert.DoesNotContain(greeting.Closes, close => close.Code != 0);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Only_a_host_that_took_0_rtt_can_acknowledge_it(bool took)
    {
        Greeting greeting = new Greeting(217).HaveMet();
        byte[] session = greeting.Sessions.Peek();
        greeting.Reconnect();
        greeting.RunUntilAnswered();
        if (!took)
        {
            greeting.CloseAll();
            greeting.Connect(session);
            greeting.RunUntilAnswered();
            Assert.True(greeting.WasRejected);
        }
        greeting.RunUntil(() => greeting.Host.Connections is [{ IsEstablished: true }], "not established");
        greeting.Network.Say(greeting.Host, greeting.Host.Connections[0], [0x02, 0, 0, 0, 0]); // packet 0, which was the 0-RTT packet
        greeting.Network.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(!took, greeting.Closes.Exists(close => !close.IsRemote && close.Code == (ulong)TransportErrorCode.ProtocolViolation));
    }

    [Fact]
    public void A_session_is_good_once()
    {
        Greeting greeting = new Greeting(203).HaveMet();
        byte[] session = greeting.Sessions.Peek();
        greeting.Reconnect();
        greeting.RunUntilAnswered();
        greeting.CloseAll();
        greeting.Connect(session);
        greeting.RunUntilAnswered();
        Assert.True(greeting.WasRejected);
        Assert.False(greeting.Connection.IsResumed);
        Assert.False(greeting.HeardEarly);
    }

    [Fact]
    public void A_session_that_is_too_old_or_not_readable_is_not_offered()
    {
        Greeting greeting = new Greeting(204).HaveMet();
        greeting.Connect(greeting.Sessions.Peek(), TicketKeeper.Lifetime);
        Assert.False(greeting.Connection.IsEarlyDataOpen);
        greeting.RunUntilAnswered();
        Assert.False(greeting.Connection.IsResumed || greeting.WasRejected);
        greeting.CloseAll();
        greeting.Connect(greeting.Sessions.Peek().AsMemory(1));
        Assert.False(greeting.Connection.IsEarlyDataOpen);
        greeting.RunUntilAnswered();
    }

    [Fact]
    public void A_client_of_whom_the_door_expects_another_id_does_not_get_in_with_a_session()
    {
        var admission = new Swapping();
        Greeting greeting = new Greeting(205, admission: admission).HaveMet();
        admission.Expected = SimulatedIdentities.IdOf("somebody else");
        greeting.Reconnect();
        greeting.RunUntil(() => greeting.Closes.Exists(close => close.Code != 0), "no refusal");
        Assert.Equal(1, greeting.HellosHeard);
        Assert.Null(greeting.AnsweredAfter);
        // certificate_unknown: the full handshake found out that it is not the one.
        Assert.Contains(greeting.Closes, close => close.Code == (ulong)TransportErrorCode.CryptoErrorBase + (ulong)TlsAlert.CertificateUnknown);
    }

    [Fact]
    public void When_what_let_the_client_in_has_ended_its_sessions_are_worth_nothing()
    {
        var admission = new Swapping { Binding = [1, 2, 3] };
        Greeting greeting = new Greeting(206, admission: admission).HaveMet();
        Assert.Empty(admission.AskedFor);
        admission.Welcomes = false;
        greeting.Reconnect();
        greeting.RunUntilAnswered();
        Assert.Equal([1, 2, 3], admission.AskedFor);
        Assert.True(greeting.WasRejected);
        Assert.False(greeting.Connection.IsResumed || greeting.HeardEarly);
    }

    [Fact]
    public void A_replayed_first_flight_is_not_processed_a_second_time()
    {
        Greeting greeting = new Greeting(207).HaveMet();
        var flight = new List<byte[]>();
        greeting.Network.DropFilter = (from, datagram) =>
        {
            if (from == greeting.Client && flight.Count == 0)
                flight.Add(datagram.ToArray());
            return false;
        };
        greeting.Reconnect();
        greeting.RunUntilAnswered();
        Assert.Equal(2, greeting.HellosHeard);
        greeting.CloseAll();
        greeting.Network.DropFilter = null;
        // The door would not let it in again (its connection id was seen). Even one that does processes nothing of it.
        for (int i = 0; i < 3; i++)
        {
            greeting.Network.Send(greeting.Client, Greeting.ClientAddress, Greeting.HostAddress, flight[0]);
            greeting.Network.RunFor(TimeSpan.FromSeconds(40));
        }
        Assert.Equal(2, greeting.HellosHeard);
        Assert.Empty(greeting.Host.Connections);
    }

    [Fact]
    public void A_repeated_datagram_of_the_same_flight_is_processed_once()
    {
        Greeting greeting = new Greeting(208).HaveMet();
        greeting.Network.Default = new LinkProfile { Delay = Greeting.Delay, Duplicate = 1 };
        greeting.Reconnect();
        greeting.RunUntilAnswered();
        greeting.Network.RunFor(TimeSpan.FromSeconds(2));
        Assert.Equal(2, greeting.HellosHeard);
    }

    [Fact]
    public void Only_the_control_stream_can_be_written_early()
    {
        Greeting greeting = new Greeting(209).HaveMet();
        QuicConnection connection = greeting.Reconnect();
        Assert.True(connection.IsEarlyDataOpen);
        Assert.False(connection.TryOpenStream(bidirectional: true, out _));
        Assert.False(connection.TryOpenStream(bidirectional: false, out _));
        Assert.Equal(0, connection.MaxDatagramPayload);
        Assert.False(connection.TrySendDatagram([1]));
        greeting.RunUntilAnswered();
        Assert.True(connection.TryOpenStream(bidirectional: true, out _));
    }

    [Theory]
    [InlineData("stream")]
    [InlineData("datagram")]
    [InlineData("unidirectional")]
    [InlineData("path challenge")]
    [InlineData("reset")]
    public void A_client_that_sends_more_than_the_control_stream_in_0_rtt_is_shut_out(string what)
    {
        Greeting greeting = new Greeting(210).HaveMet();
        QuicConnection connection = greeting.Connect(greeting.Sessions.Dequeue());
        byte[] frame = what switch
        {
            "stream" => [0x0a, 4, 1, 9],
            "unidirectional" => [0x0a, 2, 1, 9],
            "path challenge" => [0x1a, 1, 2, 3, 4, 5, 6, 7, 8],
            "reset" => [0x04, 4, 0, 0],
            _ => [0x31, 1, 9],
        };
        byte[] packet = connection.SealEarly(frame);
        greeting.Network.RunFor(Greeting.Delay); // the ClientHello is there
        greeting.Network.Send(greeting.Client, Greeting.ClientAddress, Greeting.HostAddress, packet);
        greeting.RunUntil(() => greeting.Closes.Exists(close => close.Code == (ulong)TransportErrorCode.ProtocolViolation), "no refusal");
        Assert.Contains(greeting.Closes, close => close.Reason.Contains("control stream", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(0x02, 0, 0, 0, 0)] // ACK
    [InlineData(0x06, 0, 1, 5)] // CRYPTO, as with EndOfEarlyData
    [InlineData(0x07, 1, 9)] // NEW_TOKEN
    [InlineData(0x1b, 1, 2, 3, 4, 5, 6, 7, 8)] // PATH_RESPONSE
    [InlineData(0x1e)] // HANDSHAKE_DONE
    public void What_cannot_stand_in_0_rtt_ends_the_connection(params int[] frame)
    {
        Greeting greeting = new Greeting(211).HaveMet();
        byte[] packet = greeting.Connect(greeting.Sessions.Dequeue()).SealEarly([.. frame.Select(i => (byte)i)]);
        greeting.Network.RunFor(Greeting.Delay);
        greeting.Network.Send(greeting.Client, Greeting.ClientAddress, Greeting.HostAddress, packet);
        greeting.RunUntil(() => greeting.Closes.Exists(close => close.Code == (ulong)TransportErrorCode.ProtocolViolation), "no refusal");
    }

    [Fact]
    public void Forged_0_rtt_packets_count_as_all_others() // RFC 9001 section 6.6: over all keys
    {
        Greeting greeting = new Greeting(215).HaveMet();
        byte[] packet = greeting.Connect(greeting.Sessions.Dequeue()).SealEarly([0x01]);
        packet[^1] ^= 1;
        greeting.Network.RunFor(Greeting.Delay);
        greeting.Network.Send(greeting.Client, Greeting.ClientAddress, Greeting.HostAddress, packet);
        greeting.RunUntilAnswered();
        Assert.Equal(1ul, greeting.Host.Connections[0].Keys()!.Failed);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_server_that_takes_0_rtt_must_not_reduce_its_limits(bool bidirectional)
    {
        // Two hosts with the same tickets, the second with less to give.
        var keeper = new TicketKeeper(new SeededRandomness(5));
        Greeting greeting = new(212);
        Second(greeting, keeper, new QuicTransportOptions { TicketsPerConnection = 2 });
        greeting.HaveMet();
        Second(greeting, keeper, bidirectional
            ? new QuicTransportOptions { TicketsPerConnection = 2, MaxBidirectionalStreams = 5 }
            : new QuicTransportOptions { TicketsPerConnection = 2, MaxUnidirectionalStreams = 5 });
        greeting.Reconnect();
        greeting.RunUntil(() => greeting.Closes.Exists(close => close.Code == (ulong)TransportErrorCode.ProtocolViolation), "no complaint");
        Assert.Contains(greeting.Closes, close => !close.IsRemote && close.Reason.Contains("smaller limits", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(HandshakeDropTests.Drops), MemberType = typeof(HandshakeDropTests))]
    public void A_rejoin_survives_the_loss_of_any_datagrams(bool fromClient, int first, int count)
    {
        Greeting greeting = new Greeting(213).HaveMet();
        int seen = 0;
        greeting.Network.DropFilter = (from, _) =>
        {
            if (from == greeting.Client != fromClient)
                return false;
            int number = seen++;
            return number >= first && number < first + count;
        };
        greeting.Reconnect();
        greeting.RunUntilAnswered();
        greeting.RunUntil(() => greeting.Host.Connections.Count == 1 && greeting.Host.Connections[0].IsEstablished, "not established");
        greeting.RunUntil(() => greeting.Sessions.Count == 3, "no new sessions");
        Assert.True(greeting.Connection.IsResumed);
        Assert.Equal(2, greeting.HellosHeard);
        Assert.DoesNotContain(greeting.Closes, close => close.Code != 0);
    }

    [Fact]
    [Trait("Length", "Medium")]
    public void A_rejoin_survives_any_of_the_1024_losses_among_the_first_ten_datagrams()
    {
        const int Datagrams = 10;
        for (int lost = 0; lost < 1 << Datagrams; lost++)
        {
            Greeting greeting = new Greeting(214).HaveMet();
            int seen = 0;
            greeting.Network.DropFilter = (_, _) => seen < Datagrams && (lost >> seen++ & 1) == 1;
            greeting.Reconnect();
            greeting.RunUntilAnswered();
            Assert.Equal(2, greeting.HellosHeard);
        }
    }

    [Fact]
    public void After_a_retry_0_rtt_is_sent_again_under_new_numbers()
    {
        var admission = new Swapping();
        Greeting greeting = new Greeting(215, admission: admission).HaveMet();
        admission.RetriesFirst = true;
        var sent = new EarlyTrace();
        greeting.Client.Trace = sent;
        greeting.Reconnect();
        greeting.RunUntilAnswered();
        Assert.True(greeting.Connection.IsResumed);
        Assert.True(greeting.HeardEarly);
        Assert.Equal(2, sent.Numbers.Count);
        Assert.Equal(2, sent.Numbers.Distinct().Count());
        Assert.Equal(2 * RoundTrip, greeting.AnsweredAfter);
    }

    [Fact]
    public void Forged_packets_of_0_rtt_count_as_those_of_other_keys_do() // RFC 9001 section 6.6
    {
        const ulong Forged = 5;
        Greeting greeting = new Greeting(218).HaveMet();
        byte[] packet = greeting.Connect(greeting.Sessions.Dequeue()).SealEarly([1]);
        packet[^1] ^= 1;
        greeting.Network.RunFor(Greeting.Delay); // the ClientHello is there
        for (ulong i = 0; i < Forged; i++)
            greeting.Network.Send(greeting.Client, Greeting.ClientAddress, Greeting.HostAddress, packet);
        greeting.RunUntilAnswered();
        greeting.RunUntil(() => greeting.Host.Connections[0].IsEstablished, "not established");
        Assert.True(greeting.Connection.IsResumed && greeting.HeardEarly);
        Assert.Equal(Forged, greeting.Host.Connections[0].Keys()!.Failed);
    }

    [Fact]
    public void A_host_that_has_made_its_tickets_forgets_the_secret_of_their_keys() // RFC 9846 section 7.1
    {
        Greeting greeting = new(220);
        greeting.Connect();
        greeting.RunUntil(() => greeting.Sessions.Count == 2, "no sessions");
        Assert.DoesNotContain(greeting.Host.Connections[0].ResumptionSecret(), b => b != 0);
        Assert.Contains(greeting.Connection.ResumptionSecret(), b => b != 0); // More may come to a client.
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(9)]
    [InlineData(256)]
    public void More_tickets_than_a_client_keeps_cannot_be_asked_for(int tickets) => Assert.Throws<ArgumentOutOfRangeException>(
        () => new Greeting(219, new QuicTransportOptions { TicketsPerConnection = tickets }));

    [Fact]
    public void Packets_of_0_rtt_are_told_to_a_trace_as_such()
    {
        Greeting greeting = new Greeting(216).HaveMet();
        var sent = new EarlyTrace();
        var received = new EarlyTrace();
        greeting.Client.Trace = sent;
        greeting.Host.Trace = received;
        greeting.Reconnect();
        greeting.RunUntilAnswered();
        greeting.Network.RunFor(TimeSpan.FromSeconds(1));
        Assert.Equal(["Keys installed", "PacketSent ", "Keys discarded"], sent.Lines);
        Assert.Equal(["Keys installed", "PacketReceived ", "Keys discarded"], received.Lines);
    }

    private static void Second(Greeting greeting, TicketKeeper keeper, QuicTransportOptions transport)
    {
        greeting.Host.IsDead = true;
        greeting.Host.RemoveAddress(Greeting.HostAddress);
        greeting.Host = new SimulatedPeer(greeting.Network, "host", 998, transport, new AcceptAll(SimulatedIdentities.IdOf("client")), greeting, keeper);
        greeting.Host.AddAddress(Greeting.HostAddress, relay: true);
    }

    /// <summary>A door whose mind can be changed.</summary>
    private sealed class Swapping : IAdmission
    {
        public byte[] Expected { get; set; } = SimulatedIdentities.IdOf("client");

        public byte[] Binding { get; init; } = [];

        public bool Welcomes { get; set; } = true;

        public bool RetriesFirst { get; set; }

        public byte[] AskedFor { get; private set; } = [];

        public AdmissionVerdict Admit(in InitialFacts facts)
        {
            if (RetriesFirst && facts.Token.IsEmpty)
                return new AdmissionVerdict { Action = AdmissionAction.Retry, RetryToken = facts.Destination.Span.ToArray() };
            return new AdmissionVerdict
            {
                Action = AdmissionAction.Accept,
                ExpectedPeerId = Expected,
                TicketBinding = Binding,
                OriginalDestination = facts.Token.IsEmpty ? null : new ConnectionId(facts.Token),
            };
        }

        public bool MayResume(object? tag, ReadOnlySpan<byte> binding)
        {
            AskedFor = binding.ToArray();
            return Welcomes;
        }

        public void OnHandshakeEnded(object? tag, bool established)
        {
        }

        public void OnConnectionEnded(object? tag)
        {
        }
    }
}
