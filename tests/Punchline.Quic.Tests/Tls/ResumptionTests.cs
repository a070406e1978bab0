using Punchline.Quic.Tls;
using Punchline.Testing;
using Xunit;
using static Punchline.Quic.Tests.Tls.TlsAssert;

namespace Punchline.Quic.Tests.Tls;

/// <summary>Tickets given, and sessions resumed with them (RFC 9846 sections 2.2, 4.3.9 to 4.3.11, 4.7.1).</summary>
public sealed class ResumptionTests
{
    private static readonly byte[] ClientId = PeerIdentity.ComputeId(TlsPair.ClientSigner.PublicKeyInfo.Span);
    private static readonly byte[] ServerId = PeerIdentity.ComputeId(TlsPair.ServerSigner.PublicKeyInfo.Span);

    [Fact]
    public void A_client_is_given_as_many_tickets_as_the_desk_wants_each_with_its_own_key()
    {
        using TlsPair pair = FullHandshake(new TestDesk());
        Assert.Equal(2, pair.Sessions.Count);
        Assert.NotEqual(pair.Sessions[0].PreSharedKey, pair.Sessions[1].PreSharedKey);
        Assert.NotEqual(pair.Sessions[0].AgeAdd, pair.Sessions[1].AgeAdd);
        Assert.All(pair.Sessions, session =>
        {
            Assert.Equal(TicketKeeper.Lifetime, session.Lifetime);
            Assert.True(session.AllowsEarlyData);
            Assert.Equal(ServerId, session.PeerId);
        });
        Assert.Equal("Send Application NewSessionTicket+NewSessionTicket", pair.ServerLog[^1]);
    }

    [Theory]
    [InlineData(1, true)] // psk_dhe_ke
    [InlineData(0, false)] // psk_ke
    [InlineData(-1, false)] // no mode at all
    public void Tickets_are_given_to_a_client_that_can_use_them(int mode, bool given)
    {
        using var client = new TlsSession(TlsPair.Options(isClient: true, 1));
        using var server = new TlsSession(TlsPair.Options(isClient: false, 2, requireClientCertificate: false, tickets: new TestDesk()));
        byte[] hello = StartAndTakeHello(client);
        hello = mode < 0
            ? MessageEditor.Remove(hello, ExtensionType.PskKeyExchangeModes)
            : MessageEditor.Set(hello, ExtensionType.PskKeyExchangeModes, 1, (byte)mode);
        Assert.Null(server.Receive(EncryptionLevel.Initial, hello));
        // The client's Finished is made here: to the client itself the hello is another one than it sent.
        using var transcript = new Transcript();
        transcript.Append(hello);
        byte[] secret = [];
        while (server.TryTakeEvent(out var sent))
        {
            if (sent.Kind == TlsEventKind.Send)
                transcript.Append(sent.Bytes.Span);
            else if (sent is { Kind: TlsEventKind.Secrets, Level: EncryptionLevel.Handshake })
                secret = sent.ClientSecret.ToArray();
        }
        byte[] hash = new byte[32];
        byte[] finished = new byte[32];
        transcript.GetHash(hash);
        KeySchedule.ComputeFinished(secret, hash, finished);
        Assert.Null(server.Receive(EncryptionLevel.Handshake, MessageEditor.Message(HandshakeType.Finished, finished)));
        Assert.True(server.IsComplete);
        bool tickets = false;
        while (server.TryTakeEvent(out var sent))
            tickets |= sent is { Kind: TlsEventKind.Send, Level: EncryptionLevel.Application };
        Assert.Equal(given, tickets);
    }

    [Fact]
    public void A_session_is_not_resumed_in_a_mode_that_the_client_does_not_list()
    {
        var desk = new TestDesk();
        using TlsPair pair = Resume(desk, Given(desk), early: false, onTheWay: carried => carried.Type == HandshakeType.ClientHello
            ? MessageEditor.EditExtensions(carried.Bytes, list => list[list.FindIndex(e => e.Type == ExtensionType.PskKeyExchangeModes)] =
                (ExtensionType.PskKeyExchangeModes, [1, 0])) // psk_ke
            : carried.Bytes);
        // A full handshake: the binder, which the change has made wrong, is not even looked at.
        Assert.Null(pair.ServerError);
        Assert.False(pair.Server.IsResumed);
        Assert.Contains(pair.Messages, m => !m.FromClient && m.Type == HandshakeType.Certificate);
    }

    [Fact]
    public void A_resumed_session_needs_the_servers_key_share()
    {
        var desk = new TestDesk();
        using TlsPair pair = Resume(desk, Given(desk), early: false, onTheWay: carried => carried.Type == HandshakeType.ServerHello
            ? MessageEditor.Remove(carried.Bytes, ExtensionType.KeyShare)
            : carried.Bytes);
        AssertAlert(TlsAlert.IllegalParameter, pair.ClientError);
    }

    [Fact]
    public void A_resumed_handshake_has_no_certificates_and_knows_both_identities()
    {
        var desk = new TestDesk();
        ResumableSession session = Given(desk);
        using TlsPair pair = Resume(desk, session, early: true);
        AssertComplete(pair);
        Assert.True(pair.Client.IsResumed && pair.Server.IsResumed);
        Assert.Equal(ServerId, pair.Client.PeerId.ToArray());
        Assert.Equal(ClientId, pair.Server.PeerId.ToArray());
        Assert.DoesNotContain(pair.Messages, m => m.Type is HandshakeType.Certificate or HandshakeType.CertificateVerify or HandshakeType.CertificateRequest);
        // RFC 9001 section 8.3: no EndOfEarlyData.
        Assert.Equal([HandshakeType.ClientHello, HandshakeType.Finished], pair.Messages.Where(m => m.FromClient).Select(m => m.Type));
        Assert.Equal(pair.ClientSecrets[EncryptionLevel.ZeroRtt].Client, pair.ServerSecrets[EncryptionLevel.ZeroRtt].Client);
        Assert.Equal(pair.ClientSecrets[EncryptionLevel.Application], pair.ServerSecrets[EncryptionLevel.Application], SecretsAreEqual);
        Assert.DoesNotContain("EarlyDataRejected", pair.ClientLog);
        Assert.Equal(2, pair.Sessions.Count);
    }

    [Fact]
    public void A_session_can_be_resumed_from_a_resumed_one_and_its_identity_stays_as_old_as_it_is()
    {
        var desk = new TestDesk();
        ResumableSession session = Given(desk);
        Instant proved = desk.Now;
        int connections = 0;
        while (true)
        {
            desk.Now += TimeSpan.FromHours(23);
            using TlsPair pair = Resume(desk, session, early: false);
            AssertComplete(pair);
            if (!pair.Server.IsResumed)
                break;
            connections++;
            session = pair.Sessions[0];
        }
        // Seven days after it was proved by a signature, it has to be proved again.
        Assert.Equal(7, connections);
        Assert.True(desk.Now - proved > TicketKeeper.LongestChain);
    }

    [Fact]
    public void A_ticket_is_good_once()
    {
        var desk = new TestDesk();
        ResumableSession session = Given(desk);
        using (TlsPair first = Resume(desk, session, early: true))
            Assert.True(first.Server.IsResumed);
        using TlsPair second = Resume(desk, session, early: true);
        AssertFullAfterAll(second);
    }

    [Theory]
    [InlineData("other server")]
    [InlineData("expired")]
    [InlineData("from the future")]
    [InlineData("altered")]
    [InlineData("other client")]
    [InlineData("ended invite")]
    public void A_ticket_of_no_use_leads_to_a_full_handshake_without_0_rtt(string why)
    {
        var desk = new TestDesk();
        ResumableSession session = Given(desk);
        TestDesk there = desk;
        switch (why)
        {
            case "other server":
                there = new TestDesk(seed: 31);
                Given(there); // so that it has a key of the same number
                break;
            case "expired":
                desk.Now += TicketKeeper.Lifetime + TimeSpan.FromSeconds(1);
                break;
            case "from the future":
                desk.Now -= TimeSpan.FromSeconds(1);
                break;
            case "altered":
                session.Ticket[40] ^= 1;
                break;
            case "other client":
                desk.ExpectedPeer = new byte[32];
                break;
            default:
                desk.IsWelcome = static _ => false;
                break;
        }
        using TlsPair pair = Resume(there, session, early: true);
        AssertFullAfterAll(pair);
    }

    [Fact]
    public void A_ticket_that_is_not_the_clients_own_does_not_help_without_its_key()
    {
        var desk = new TestDesk();
        ResumableSession session = Given(desk);
        ResumableSession stolen = session with { PreSharedKey = new byte[32] };
        using TlsPair pair = Resume(desk, stolen, early: true);
        AssertAlert(TlsAlert.DecryptError, pair.ServerError);
        // And the attempt has not used it up.
        using TlsPair owner = Resume(desk, session, early: true);
        Assert.True(owner.Server.IsResumed);
    }

    [Fact]
    public void A_hello_that_was_altered_before_its_binder_is_refused()
    {
        var desk = new TestDesk();
        using TlsPair pair = Resume(desk, Given(desk), early: true, carried =>
        {
            byte[] bytes = carried.Bytes;
            if (carried.Type == HandshakeType.ClientHello)
                bytes[10] ^= 1; // its random
            return bytes;
        });
        AssertAlert(TlsAlert.DecryptError, pair.ServerError);
    }

    [Theory]
    [InlineData(11)]
    [InlineData(-11)]
    public void An_age_that_does_not_fit_costs_0_rtt_alone(int seconds)
    {
        var desk = new TestDesk();
        ResumableSession session = Given(desk);
        desk.Now += TimeSpan.FromMinutes(1);
        using TlsPair pair = Resume(desk, session, early: true, age: TimeSpan.FromSeconds(60 + seconds));
        AssertComplete(pair);
        Assert.True(pair.Server.IsResumed);
        Assert.Contains("EarlyDataRejected", pair.ClientLog);
        Assert.False(pair.ServerSecrets.ContainsKey(EncryptionLevel.ZeroRtt));
    }

    [Fact]
    public void After_a_hello_retry_request_the_session_is_resumed_without_0_rtt()
    {
        var desk = new TestDesk();
        ResumableSession session = Given(desk);
        var randomness = new SeededRandomness(50);
        IKeyExchange other = new OtherGroup(new P256KeyExchange(randomness));
        using var pair = new TlsPair(
            TlsPair.Options(true, 51, groups: [other, new P256KeyExchange(randomness)], expectedPeer: ServerId, offer: new OfferedSession(session, () => TimeSpan.Zero, true)),
            TlsPair.Options(false, 52, expectedPeer: ClientId, tickets: desk)).Run();
        AssertComplete(pair);
        Assert.True(pair.Client.UsedHelloRetryRequest && pair.Client.IsResumed && pair.Server.IsResumed);
        Assert.Contains("EarlyDataRejected", pair.ClientLog);
        byte[] second = pair.Messages.Last(m => m.Type == HandshakeType.ClientHello).Bytes;
        Assert.True(ClientHello.TryRead(second.AsSpan(4), out var hello, out _));
        Assert.True(hello.HasPreSharedKey);
        Assert.False(hello.HasEarlyData);
    }

    [Theory]
    [InlineData("selects another", TlsAlert.IllegalParameter)]
    [InlineData("unasked", TlsAlert.UnsupportedExtension)]
    internal void A_server_hello_must_choose_what_was_offered(string how, TlsAlert alert)
    {
        var desk = new TestDesk();
        ResumableSession session = Given(desk);
        bool offers = how == "selects another";
        using var pair = new TlsPair(
            TlsPair.Options(true, 61, expectedPeer: ServerId, offer: offers ? new OfferedSession(session, () => TimeSpan.Zero, false) : null),
            TlsPair.Options(false, 62, expectedPeer: ClientId, tickets: desk))
        {
            OnTheWay = carried => carried.Type != HandshakeType.ServerHello ? carried.Bytes
                : offers ? MessageEditor.Set(carried.Bytes, ExtensionType.PreSharedKey, 0, 1)
                : MessageEditor.Add(carried.Bytes, ExtensionType.PreSharedKey, 0, 0),
        }.Run();
        AssertAlert(alert, pair.ClientError);
    }

    [Fact]
    public void A_server_must_not_take_0_rtt_unasked()
    {
        var body = new TlsWriter();
        EncryptedExtensions.Write(body, "punchline/1"u8, [1], acceptsEarlyData: true);
        Assert.False(EncryptedExtensions.TryRead(body.Written[4..], "punchline/1"u8, out _, out var error));
        AssertAlert(TlsAlert.UnsupportedExtension, error);
        Assert.True(EncryptedExtensions.TryRead(body.Written[4..], "punchline/1"u8, out var read, out _, offeredEarlyData: true));
        Assert.True(read.AcceptsEarlyData);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_servers_copy_of_a_tickets_key_is_overwritten_once_it_is_used(bool fits) // RFC 9846 section 7.1
    {
        var desk = new TestDesk();
        ResumableSession session = Given(desk);
        using TlsPair pair = Resume(desk, fits ? session : session with { PreSharedKey = new byte[32] }, early: true);
        Assert.Equal(fits, pair.Server.IsResumed);
        Assert.DoesNotContain(desk.Opened!.PreSharedKey, b => b != 0);
    }

    [Fact]
    public void A_server_must_not_take_0_rtt_without_its_psk()
    {
        var desk = new TestDesk();
        using TlsPair pair = Resume(desk, Given(desk), early: true, onTheWay: carried => carried.Type == HandshakeType.ServerHello
            ? MessageEditor.Remove(carried.Bytes, ExtensionType.PreSharedKey)
            : carried.Bytes);
        AssertAlert(TlsAlert.IllegalParameter, pair.ClientError);
    }

    [Fact]
    public void Early_secrets_are_logged_as_wireshark_wants_them()
    {
        var desk = new TestDesk();
        ResumableSession session = Given(desk);
        var lines = new List<string>();
        using var pair = new TlsPair(
            TlsPair.Options(true, 71, expectedPeer: ServerId, offer: new OfferedSession(session, () => TimeSpan.Zero, true),
                keyLog: (label, _, secret) => lines.Add($"{label} {Convert.ToHexString(secret)}")),
            TlsPair.Options(false, 72, expectedPeer: ClientId, tickets: desk)).Run();
        Assert.Equal($"CLIENT_EARLY_TRAFFIC_SECRET {Convert.ToHexString(pair.ServerSecrets[EncryptionLevel.ZeroRtt].Client)}", lines[0]);
    }

    [Fact]
    public void A_client_uses_no_ticket_beyond_its_lifetime_or_seven_days()
    {
        ResumableSession session = Given(new TestDesk());
        Assert.True(session.IsInTime(TicketKeeper.Lifetime - TimeSpan.FromSeconds(1)));
        Assert.False(session.IsInTime(TicketKeeper.Lifetime));
        Assert.False(session.IsInTime(-TimeSpan.FromSeconds(1)));
        ResumableSession endless = session with { Lifetime = TimeSpan.FromSeconds(uint.MaxValue) };
        Assert.True(endless.IsInTime(TimeSpan.FromDays(7) - TimeSpan.FromSeconds(1)));
        Assert.False(endless.IsInTime(TimeSpan.FromDays(7)));
    }

    [Fact]
    public void Eight_tickets_are_kept_and_others_let_go()
    {
        using TlsPair pair = FullHandshake(new TestDesk { TicketsPerConnection = 12 });
        Assert.Null(pair.ClientError);
        Assert.Equal(8, pair.Sessions.Count);
    }

    [Fact]
    public void What_a_client_keeps_survives_its_encoding_and_nothing_else_is_read()
    {
        ResumableSession session = Given(new TestDesk()) with { TransportParameters = [1, 2, 3] };
        byte[] bytes = session.Write();
        ResumableSession again = ResumableSession.TryRead(bytes)!;
        Assert.Equal(bytes, again.Write());
        Assert.Equal(session.Ticket, again.Ticket);
        Assert.Equal(session.Lifetime, again.Lifetime);
        for (int length = 0; length < bytes.Length; length++)
            Assert.Null(ResumableSession.TryRead(bytes.AsSpan(0, length)));
        Assert.Null(ResumableSession.TryRead([.. bytes, 0]));
    }

    private static ResumableSession Given(TestDesk desk)
    {
        using TlsPair pair = FullHandshake(desk);
        return pair.Sessions[0];
    }

    private static TlsPair FullHandshake(TestDesk desk)
    {
        TlsPair pair = new TlsPair(TlsPair.Options(true, 40, expectedPeer: ServerId), TlsPair.Options(false, 41, expectedPeer: ClientId, tickets: desk)).Run();
        AssertComplete(pair);
        Assert.False(pair.Server.IsResumed);
        return pair;
    }

    private static TlsPair Resume(TestDesk desk, ResumableSession session, bool early, Func<Carried, byte[]?>? onTheWay = null, TimeSpan age = default) =>
        new TlsPair(
            TlsPair.Options(true, 44, expectedPeer: ServerId, offer: new OfferedSession(session, () => age, early)),
            TlsPair.Options(false, 45, expectedPeer: ClientId, tickets: desk))
        {
            OnTheWay = onTheWay ?? (static carried => carried.Bytes),
        }.Run();

    private static void AssertFullAfterAll(TlsPair pair)
    {
        AssertComplete(pair);
        Assert.False(pair.Client.IsResumed || pair.Server.IsResumed);
        Assert.Contains("EarlyDataRejected", pair.ClientLog);
        Assert.False(pair.ServerSecrets.ContainsKey(EncryptionLevel.ZeroRtt));
        Assert.Equal(ClientId, pair.Server.PeerId.ToArray());
        Assert.Contains(pair.Messages, m => m.FromClient && m.Type == HandshakeType.CertificateVerify);
    }

    private static void AssertComplete(TlsPair pair)
    {
        Assert.Null(pair.ClientError);
        Assert.Null(pair.ServerError);
        Assert.True(pair.Client.IsComplete && pair.Server.IsComplete);
    }

    private static bool SecretsAreEqual((byte[] Client, byte[] Server) a, (byte[] Client, byte[] Server) b) =>
        a.Client.AsSpan().SequenceEqual(b.Client) && a.Server.AsSpan().SequenceEqual(b.Server);

    /// <summary>A group that the server does not speak.</summary>
    private sealed class OtherGroup(IKeyExchange inner) : IKeyExchange
    {
        public ushort Group => 0x1234;

        public IKeyShare CreateShare() => inner.CreateShare();

        public bool TryRespond(ReadOnlySpan<byte> peerShare, out byte[] ourShare, out byte[] sharedSecret) => inner.TryRespond(peerShare, out ourShare, out sharedSecret);
    }
}
