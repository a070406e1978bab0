using Punchline.Quic.Tls;
using Punchline.Testing;
using Xunit;
using static Punchline.Quic.Tests.Tls.TlsAssert;

namespace Punchline.Quic.Tests.Tls;

/// <summary>Messages out of order, at a wrong level, too long, or left over at a change of keys.</summary>
public sealed class OrderTests
{
    private static readonly HandshakeType[] AllTypes =
    [
        HandshakeType.ClientHello, HandshakeType.ServerHello, HandshakeType.NewSessionTicket, (HandshakeType)5,
        HandshakeType.EncryptedExtensions, HandshakeType.Certificate, HandshakeType.CertificateRequest, HandshakeType.CertificateVerify,
        HandshakeType.Finished, HandshakeType.KeyUpdate, HandshakeType.MessageHash, (HandshakeType)0, (HandshakeType)99,
    ];

    private static TlsPair RunMutual()
    {
        var (client, server) = TlsPair.Mutual(seed: 6);
        var pair = new TlsPair(client, server).Run();
        HandshakeTests.AssertAgreement(pair);
        return pair;
    }

    /// <summary>A fresh session that has received the first messages of the reference handshake.</summary>
    private static TlsSession Replay(bool client, List<Carried> received, int count)
    {
        var (clientOptions, serverOptions) = TlsPair.Mutual(seed: 6);
        var session = new TlsSession(client ? clientOptions : serverOptions);
        if (client)
            Assert.Null(session.Start());
        foreach (var message in received.Take(count))
            Assert.Null(session.Receive(message.Level, message.Bytes));
        return session;
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Every_message_type_that_a_state_does_not_wait_for_is_unexpected(bool client)
    {
        using var reference = RunMutual();
        var received = reference.Messages.Where(m => m.FromClient != client).ToList();
        for (int state = 0; state < received.Count; state++)
        {
            foreach (var type in AllTypes)
            {
                bool isExpected = type == received[state].Type
                    // After EncryptedExtensions either may come.
                    || client && received[state].Type == HandshakeType.CertificateRequest && type == HandshakeType.Certificate;
                if (isExpected)
                    continue;
                using var session = Replay(client, received, state);
                var error = session.Receive(session.ReceiveLevel, MessageEditor.Message(type));
                AssertAlert(TlsAlert.UnexpectedMessage, error);
            }
        }
    }

    [Fact]
    public void Client_takes_only_session_tickets_afterwards()
    {
        byte[] ticket = MessageEditor.Message(
            HandshakeType.NewSessionTicket, [0, 0, 1, 0, 1, 2, 3, 4, 1, 0, 0, 2, 7, 7, 0, 8, 0, 42, 0, 4, 0xff, 0xff, 0xff, 0xff]);
        using var pair = RunMutual();
        Assert.Null(pair.Client.Receive(EncryptionLevel.Application, ticket.AsSpan(0, 3)));
        Assert.Null(pair.Client.Receive(EncryptionLevel.Application, ticket.AsSpan(3)));
        Assert.Null(pair.Client.Receive(EncryptionLevel.Application, [.. ticket, .. ticket]));
        for (int i = 0; i < 3; i++)
        {
            Assert.True(pair.Client.TryTakeEvent(out var given));
            Assert.Equal(TlsEventKind.Ticket, given.Kind);
        }
        Assert.False(pair.Client.TryTakeEvent(out _));
        // RFC 9846 section 4.7.1: a lifetime of zero says to discard it at once.
        Assert.Null(pair.Client.Receive(EncryptionLevel.Application, MessageEditor.Message(HandshakeType.NewSessionTicket, [0, 0, 0, 0, .. ticket[8..]])));
        Assert.False(pair.Client.TryTakeEvent(out _));
        byte[] cut = MessageEditor.Message(HandshakeType.NewSessionTicket, ticket[4..^1]);
        AssertAlert(TlsAlert.DecodeError, pair.Client.Receive(EncryptionLevel.Application, cut));
    }

    [Fact]
    public void Post_handshake_authentication_is_a_protocol_violation()
    {
        using var pair = RunMutual();
        AssertCode(
            TransportErrorCode.ProtocolViolation,
            pair.Client.Receive(EncryptionLevel.Application, MessageEditor.Message(HandshakeType.CertificateRequest)));
    }

    [Fact]
    public void Tls_key_update_is_unexpected_on_both_sides()
    {
        using var pair = RunMutual();
        byte[] update = MessageEditor.Message(HandshakeType.KeyUpdate, 0);
        AssertAlert(TlsAlert.UnexpectedMessage, pair.Client.Receive(EncryptionLevel.Application, update));
        AssertAlert(TlsAlert.UnexpectedMessage, pair.Server.Receive(EncryptionLevel.Application, update));
    }

    [Fact]
    public void Client_has_nothing_to_say_afterwards()
    {
        using var pair = RunMutual();
        AssertAlert(
            TlsAlert.UnexpectedMessage,
            pair.Server.Receive(EncryptionLevel.Application, MessageEditor.Message(HandshakeType.NewSessionTicket)));
    }

    [Theory]
    [InlineData(EncryptionLevel.ZeroRtt)]
    [InlineData(EncryptionLevel.Handshake)]
    [InlineData(EncryptionLevel.Application)]
    public void First_bytes_at_another_level_than_initial_are_refused(EncryptionLevel level)
    {
        using var pair = RunMutual();
        using var server = Replay(client: false, [], 0);
        AssertCode(TransportErrorCode.ProtocolViolation, server.Receive(level, pair.Messages[0].Bytes));
    }

    [Fact]
    public void More_bytes_of_a_level_that_is_done_are_refused()
    {
        using var pair = RunMutual();
        AssertCode(TransportErrorCode.ProtocolViolation, pair.Server.Receive(EncryptionLevel.Initial, [1]));
        using var another = RunMutual();
        AssertCode(TransportErrorCode.ProtocolViolation, another.Client.Receive(EncryptionLevel.Handshake, [20]));
    }

    [Fact]
    public void Nothing_is_not_a_breach_at_any_level()
    {
        using var pair = RunMutual();
        Assert.Null(pair.Client.Receive(EncryptionLevel.Initial, []));
    }

    [Theory]
    [InlineData(HandshakeType.ServerHello)]
    [InlineData(HandshakeType.Finished)]
    internal void Bytes_left_over_where_the_client_changes_keys_are_refused(HandshakeType last)
    {
        using var reference = RunMutual();
        var received = reference.Messages.Where(m => !m.FromClient).ToList();
        int index = received.FindIndex(m => m.Type == last);
        using var session = Replay(client: true, received, index);
        Drain(session);
        AssertCode(TransportErrorCode.ProtocolViolation, session.Receive(received[index].Level, [.. received[index].Bytes, 8]));
        Assert.False(session.IsComplete);
        Assert.False(session.TryTakeEvent(out _));
    }

    [Theory]
    [InlineData(HandshakeType.ClientHello)]
    [InlineData(HandshakeType.Finished)]
    internal void Bytes_left_over_where_the_server_changes_keys_are_refused(HandshakeType last)
    {
        using var reference = RunMutual();
        var received = reference.Messages.Where(m => m.FromClient).ToList();
        int index = received.FindIndex(m => m.Type == last);
        using var session = Replay(client: false, received, index);
        Drain(session);
        AssertCode(TransportErrorCode.ProtocolViolation, session.Receive(received[index].Level, [.. received[index].Bytes, 8]));
        Assert.False(session.IsComplete);
        Assert.False(session.TryTakeEvent(out _));
    }

    [Fact]
    public void Message_longer_than_the_bound_is_refused_from_its_header_alone()
    {
        using var server = Replay(client: false, [], 0);
        int body = MessageAssembler.MaxMessageLength - 4 + 1;
        byte[] header = [1, (byte)(body >> 16), (byte)(body >> 8), (byte)body];
        AssertCode(TransportErrorCode.CryptoBufferExceeded, server.Receive(EncryptionLevel.Initial, header));
    }

    [Fact]
    public void Message_as_long_as_the_bound_is_read()
    {
        using var server = Replay(client: false, [], 0);
        using var pair = RunMutual();
        byte[] hello = pair.Messages[0].Bytes;
        byte[] padded = MessageEditor.Add(hello, ExtensionType.Padding, new byte[MessageAssembler.MaxMessageLength - hello.Length - 4]);
        Assert.Equal(MessageAssembler.MaxMessageLength, padded.Length);
        Assert.Null(server.Receive(EncryptionLevel.Initial, padded));
        Assert.Equal(EncryptionLevel.Handshake, server.ReceiveLevel);
    }

    [Fact]
    public void First_error_is_final()
    {
        using var reference = RunMutual();
        using var server = Replay(client: false, [], 0);
        var first = server.Receive(EncryptionLevel.Initial, MessageEditor.Message(HandshakeType.Finished));
        AssertAlert(TlsAlert.UnexpectedMessage, first);
        Assert.Same(first, server.Receive(EncryptionLevel.Initial, reference.Messages[0].Bytes));
        Assert.False(server.TryTakeEvent(out _));
    }

    [Fact]
    public void Options_that_contradict_themselves_are_a_callers_mistake()
    {
        Assert.Throws<InvalidOperationException>(() => new TlsSession(TlsPair.Options(isClient: false, 1, hasSigner: false)));
        Assert.Throws<InvalidOperationException>(() => new TlsSession(TlsPair.Options(isClient: true, 1, groups: [])));
        Assert.Throws<InvalidOperationException>(() => new TlsSession(TlsPair.Options(isClient: true, 1, protocol: "")));
        Assert.Throws<InvalidOperationException>(() => new TlsSession(TlsPair.Options(isClient: true, 1, expectedPeer: new byte[31])));
        var randomness = new SeededRandomness(1);
        Assert.Throws<InvalidOperationException>(
            () => new TlsSession(TlsPair.Options(isClient: true, 1, groups: [new P256KeyExchange(randomness), new P256KeyExchange(randomness)])));
        using var server = new TlsSession(TlsPair.ServerOptions());
        Assert.Throws<InvalidOperationException>(() => server.Start());
        using var client = new TlsSession(TlsPair.ClientOptions());
        Assert.Null(client.Start());
        Assert.Throws<InvalidOperationException>(() => client.Start());
    }

    private static void Drain(TlsSession session)
    {
        while (session.TryTakeEvent(out _))
        {
        }
    }
}
