using Punchline.Quic.Tls;
using Xunit;
using static Punchline.Quic.Tests.Tls.TlsAssert;

namespace Punchline.Quic.Tests.Tls;

/// <summary>What the hellos and extensions may and may not say.</summary>
public sealed class NegotiationTests
{
    private const int VersionOffset = 4;
    private const int SessionIdOffset = 4 + 2 + 32;

    /// <summary>Delivers a ClientHello that a test has changed; gives the server's error.</summary>
    private static QuicError? ToServer(Func<byte[], byte[]> change)
    {
        var (client, server) = TlsPair.Mutual();
        using var pair = new TlsPair(client, server)
        {
            OnTheWay = carried => carried.Type == HandshakeType.ClientHello ? change(carried.Bytes) : carried.Bytes,
        }.Run();
        Assert.False(pair.Server.IsComplete);
        return pair.ServerError;
    }

    /// <summary>Delivers a message of the server's that a test has changed; gives the client's error.</summary>
    private static QuicError? ToClient(HandshakeType type, Func<byte[], byte[]> change)
    {
        var (client, server) = TlsPair.Mutual();
        using var pair = new TlsPair(client, server)
        {
            OnTheWay = carried => carried.Type == type && !carried.FromClient ? change(carried.Bytes) : carried.Bytes,
        }.Run();
        Assert.False(pair.Client.IsComplete);
        return pair.ClientError;
    }

    [Theory]
    [InlineData(ExtensionType.SupportedVersions, TlsAlert.ProtocolVersion)]
    [InlineData(ExtensionType.SupportedGroups, TlsAlert.MissingExtension)]
    [InlineData(ExtensionType.SignatureAlgorithms, TlsAlert.MissingExtension)]
    [InlineData(ExtensionType.KeyShare, TlsAlert.MissingExtension)]
    [InlineData(ExtensionType.QuicTransportParameters, TlsAlert.MissingExtension)]
    [InlineData(ExtensionType.ApplicationLayerProtocolNegotiation, TlsAlert.NoApplicationProtocol)]
    internal void Client_hello_without_an_extension_is_refused(ExtensionType missing, TlsAlert alert) =>
        AssertAlert(alert, ToServer(hello => MessageEditor.Remove(hello, missing)));

    [Theory]
    [InlineData(ExtensionType.SupportedVersions)]
    [InlineData(ExtensionType.SupportedGroups)]
    [InlineData(ExtensionType.SignatureAlgorithms)]
    [InlineData(ExtensionType.KeyShare)]
    [InlineData(ExtensionType.ApplicationLayerProtocolNegotiation)]
    internal void Extension_of_a_client_hello_that_is_empty_or_has_a_byte_too_many_is_a_decode_error(ExtensionType type)
    {
        AssertAlert(TlsAlert.DecodeError, ToServer(hello => MessageEditor.Set(hello, type)));
        AssertAlert(TlsAlert.DecodeError, ToServer(hello => MessageEditor.EditExtensions(hello, list =>
        {
            int index = list.FindIndex(e => e.Type == type);
            list[index] = (type, [.. list[index].Data, 0]);
        })));
    }

    [Fact]
    public void Client_hello_with_an_extension_twice_is_refused()
    {
        AssertAlert(TlsAlert.IllegalParameter, ToServer(hello => MessageEditor.EditExtensions(hello, list => list.Add(list[0]))));
        AssertAlert(TlsAlert.IllegalParameter, ToServer(hello => MessageEditor.EditExtensions(
            hello, list => list.AddRange([((ExtensionType)9999, []), ((ExtensionType)9999, [])]))));
    }

    [Fact]
    public void Client_hello_with_more_extensions_than_the_bound_is_refused()
    {
        AssertAlert(TlsAlert.IllegalParameter, ToServer(hello => MessageEditor.EditExtensions(hello, list =>
        {
            for (int i = 0; list.Count <= ExtensionReader.MaxExtensions; i++)
                list.Add(((ExtensionType)(40000 + i), []));
        })));
    }

    [Fact]
    public void What_a_server_does_not_know_it_ignores()
    {
        // RFC 8701 code points and a server_name; the client then sees that the server answered another hello.
        var error = ToServer(hello =>
        {
            byte[] greased = MessageEditor.EditExtensions(hello, list =>
            {
                list.Insert(0, ((ExtensionType)0x0a0a, []));
                list.Insert(1, (ExtensionType.ServerName, [0, 4, 0, 0, 1, 120]));
                list.Add(((ExtensionType)0xfafa, [0]));
                int groups = list.FindIndex(e => e.Type == ExtensionType.SupportedGroups);
                list[groups] = (ExtensionType.SupportedGroups, [0, 4, 0x1a, 0x1a, 0, 0x17]);
                int shares = list.FindIndex(e => e.Type == ExtensionType.KeyShare);
                list[shares] = (ExtensionType.KeyShare, MessageEditor.Vector16([0x1a, 0x1a, 0, 1, 0, .. list[shares].Data.AsSpan(2)]));
                int versions = list.FindIndex(e => e.Type == ExtensionType.SupportedVersions);
                list[versions] = (ExtensionType.SupportedVersions, [4, 0x2a, 0x2a, 3, 4]);
            });
            return greased;
        });
        Assert.Null(error);
    }

    [Fact]
    public void Cipher_suites_that_a_server_does_not_know_it_ignores()
    {
        // One of RFC 8701, TLS_AES_128_CCM_8_SHA256, which QUIC cannot use (RFC 9001 section 5.3), and ours.
        Assert.Null(ToServer(hello => MessageEditor.Message(
            HandshakeType.ClientHello,
            [.. hello[4..(SessionIdOffset + 1)], 0, 6, 0x0a, 0x0a, 0x13, 0x05, 0x13, 0x01, .. hello[(SessionIdOffset + 5)..]])));
    }

    [Fact]
    public void Extensions_that_a_client_does_not_know_it_ignores()
    {
        byte[] request = MessageEditor.Add(
            MessageEditor.Message(HandshakeType.CertificateRequest, 0, 0, 8, 0, 13, 0, 4, 0, 2, 4, 3), (ExtensionType)0x0a0a, 1);
        Assert.Null(CertificateRequest.Read(request.AsSpan(4), out bool canSatisfy));
        Assert.True(canSatisfy);
        Assert.True(NewSessionTicket.TryRead([0, 0, 1, 0, 1, 2, 3, 4, 1, 0, 0, 2, 7, 7, 0, 5, 0x0a, 0x0a, 0, 1, 9], out _, out _));
    }

    [Fact]
    public void Older_version_is_refused()
    {
        AssertAlert(TlsAlert.ProtocolVersion, ToServer(hello => MessageEditor.Set(hello, ExtensionType.SupportedVersions, 2, 3, 3)));
        AssertAlert(TlsAlert.ProtocolVersion, ToServer(hello => Flip(hello, VersionOffset + 1)));
        AssertAlert(TlsAlert.ProtocolVersion, ToServer(hello =>
            MessageEditor.Message(HandshakeType.ClientHello, hello[4..MessageEditor.ExtensionsStart(hello)])));
    }

    [Fact]
    public void Compatibility_mode_is_a_protocol_violation()
    {
        AssertCode(TransportErrorCode.ProtocolViolation, ToServer(hello => MessageEditor.Message(
            HandshakeType.ClientHello, [.. hello[4..SessionIdOffset], 1, 7, .. hello[(SessionIdOffset + 1)..]])));
    }

    [Fact]
    public void Compression_is_refused() =>
        AssertAlert(TlsAlert.IllegalParameter, ToServer(hello => Flip(hello, SessionIdOffset + 1 + 4 + 1)));

    [Fact]
    public void Other_cipher_suites_alone_are_a_handshake_failure() =>
        AssertAlert(TlsAlert.HandshakeFailure, ToServer(hello => Flip(hello, SessionIdOffset + 1 + 3, 2)));

    [Fact]
    public void Other_signature_schemes_alone_are_a_handshake_failure() =>
        AssertAlert(TlsAlert.HandshakeFailure, ToServer(hello => MessageEditor.Set(hello, ExtensionType.SignatureAlgorithms, 0, 2, 8, 4)));

    [Theory]
    [InlineData("0002" + "0168", TlsAlert.NoApplicationProtocol)]
    [InlineData("0001" + "00", TlsAlert.DecodeError)]
    [InlineData("0000", TlsAlert.DecodeError)]
    [InlineData("0003" + "026868" + "00", TlsAlert.DecodeError)]
    [InlineData("0002" + "0568", TlsAlert.DecodeError)]
    internal void Other_application_protocol_is_refused(string extension, TlsAlert alert) =>
        AssertAlert(alert, ToServer(hello => MessageEditor.Set(
            hello, ExtensionType.ApplicationLayerProtocolNegotiation, Convert.FromHexString(extension))));

    [Fact]
    public void Two_peers_of_different_protocols_part()
    {
        using var pair = new TlsPair(TlsPair.Options(true, 1, protocol: "punchline/2"), TlsPair.ServerOptions()).Run();
        AssertAlert(TlsAlert.NoApplicationProtocol, pair.ServerError);
        Assert.Null(pair.Server.NegotiatedProtocol);
    }

    [Fact]
    public void One_of_several_protocols_is_found()
    {
        // The client offered only one, so the handshake fails later, but not at the server's choice.
        Assert.Null(ToServer(hello => MessageEditor.Set(
            hello, ExtensionType.ApplicationLayerProtocolNegotiation, [0, 15, 2, 104, 51, 11, .. "punchline/1"u8])));
    }

    [Fact]
    public void Key_share_that_is_no_point_is_refused()
    {
        AssertAlert(TlsAlert.IllegalParameter, ToServer(hello => EditShare(hello, share => Flip(share, 64))));
        AssertAlert(TlsAlert.IllegalParameter, ToServer(hello => EditShare(hello, share => share[..64])));
        AssertAlert(TlsAlert.IllegalParameter, ToServer(hello => EditShare(hello, _ => new byte[65])));
        AssertAlert(TlsAlert.DecodeError, ToServer(hello => EditShare(hello, _ => [])));
        AssertAlert(TlsAlert.IllegalParameter, ToClient(HandshakeType.ServerHello, hello => EditShare(hello, share => Flip(share, 1))));
        AssertAlert(TlsAlert.IllegalParameter, ToClient(HandshakeType.ServerHello, hello => EditShare(hello, share => share[..33])));
        AssertAlert(TlsAlert.DecodeError, ToClient(HandshakeType.ServerHello, hello => EditShare(hello, _ => [])));
    }

    [Fact]
    public void Two_shares_for_one_group_are_refused() =>
        AssertAlert(TlsAlert.IllegalParameter, ToServer(hello => MessageEditor.EditExtensions(hello, list =>
        {
            int index = list.FindIndex(e => e.Type == ExtensionType.KeyShare);
            byte[] share = list[index].Data[2..];
            list[index] = (ExtensionType.KeyShare, MessageEditor.Vector16([.. share, .. share]));
        })));

    [Fact]
    public void Share_for_a_group_that_is_not_listed_is_refused() =>
        AssertAlert(TlsAlert.IllegalParameter, ToServer(hello => MessageEditor.Set(hello, ExtensionType.SupportedGroups, 0, 2, 0, 0x18)));

    [Fact]
    public void Pre_shared_key_must_be_last_and_have_modes()
    {
        // One identity and one binder.
        byte[] key = [0, 7, 0, 1, 9, 0, 0, 0, 0, 0, 33, 32, .. new byte[32]];
        AssertAlert(TlsAlert.IllegalParameter, ToServer(hello =>
            MessageEditor.EditExtensions(hello, list => list.Insert(0, (ExtensionType.PreSharedKey, key)))));
        AssertAlert(TlsAlert.MissingExtension, ToServer(hello =>
            MessageEditor.Add(MessageEditor.Remove(hello, ExtensionType.PskKeyExchangeModes), ExtensionType.PreSharedKey, key)));
        // With both, a server that resumes nothing goes on without.
        Assert.Null(ToServer(hello => MessageEditor.Add(hello, ExtensionType.PreSharedKey, key)));
    }

    [Theory]
    [InlineData(new byte[0])]
    [InlineData(new byte[] { 0, 0, 0, 0 })]
    [InlineData(new byte[] { 0, 7, 0, 1, 9, 0, 0, 0, 0, 0, 0 })]
    [InlineData(new byte[] { 0, 7, 0, 1, 9, 0, 0, 0, 0, 0, 2, 1, 1 })]
    [InlineData(new byte[] { 0, 6, 0, 0, 0, 0, 0, 0, 0, 33, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 })]
    public void Pre_shared_key_that_is_not_well_formed_is_a_decode_error(byte[] key) =>
        AssertAlert(TlsAlert.DecodeError, ToServer(hello => MessageEditor.Add(hello, ExtensionType.PreSharedKey, key)));

    [Theory]
    [InlineData(new byte[0])]
    [InlineData(new byte[] { 0 })]
    [InlineData(new byte[] { 1, 1, 1 })]
    public void Psk_modes_that_are_not_well_formed_are_a_decode_error(byte[] modes) =>
        AssertAlert(TlsAlert.DecodeError, ToServer(hello => MessageEditor.Set(hello, ExtensionType.PskKeyExchangeModes, modes)));

    [Theory]
    [InlineData(ExtensionType.SupportedVersions, TlsAlert.ProtocolVersion)]
    [InlineData(ExtensionType.KeyShare, TlsAlert.MissingExtension)]
    internal void Server_hello_without_an_extension_is_refused(ExtensionType missing, TlsAlert alert) =>
        AssertAlert(alert, ToClient(HandshakeType.ServerHello, hello => MessageEditor.Remove(hello, missing)));

    [Fact]
    public void Server_hello_that_chooses_what_was_not_offered_is_refused()
    {
        const int SuiteOffset = SessionIdOffset + 1;
        AssertAlert(TlsAlert.IllegalParameter, ToClient(HandshakeType.ServerHello, hello => Flip(hello, SuiteOffset + 1, 2)));
        AssertAlert(TlsAlert.IllegalParameter, ToClient(HandshakeType.ServerHello, hello => Flip(hello, SuiteOffset + 2)));
        AssertAlert(TlsAlert.ProtocolVersion, ToClient(HandshakeType.ServerHello, hello => Flip(hello, VersionOffset + 1)));
        AssertAlert(TlsAlert.IllegalParameter, ToClient(HandshakeType.ServerHello, hello =>
            MessageEditor.Set(hello, ExtensionType.SupportedVersions, 3, 3)));
        AssertAlert(TlsAlert.IllegalParameter, ToClient(HandshakeType.ServerHello, hello => MessageEditor.Message(
            HandshakeType.ServerHello, [.. hello[4..SessionIdOffset], 1, 7, .. hello[(SessionIdOffset + 1)..]])));
    }

    [Theory]
    [InlineData(HandshakeType.ServerHello, ExtensionType.PreSharedKey, TlsAlert.UnsupportedExtension)]
    [InlineData(HandshakeType.ServerHello, (ExtensionType)0x0a0a, TlsAlert.UnsupportedExtension)]
    [InlineData(HandshakeType.ServerHello, ExtensionType.Cookie, TlsAlert.IllegalParameter)]
    [InlineData(HandshakeType.ServerHello, ExtensionType.ApplicationLayerProtocolNegotiation, TlsAlert.IllegalParameter)]
    [InlineData(HandshakeType.ServerHello, ExtensionType.QuicTransportParameters, TlsAlert.IllegalParameter)]
    [InlineData(HandshakeType.EncryptedExtensions, ExtensionType.ServerName, TlsAlert.UnsupportedExtension)]
    [InlineData(HandshakeType.EncryptedExtensions, ExtensionType.EarlyData, TlsAlert.UnsupportedExtension)]
    [InlineData(HandshakeType.EncryptedExtensions, (ExtensionType)0xfafa, TlsAlert.UnsupportedExtension)]
    [InlineData(HandshakeType.EncryptedExtensions, ExtensionType.KeyShare, TlsAlert.IllegalParameter)]
    [InlineData(HandshakeType.EncryptedExtensions, ExtensionType.SupportedVersions, TlsAlert.IllegalParameter)]
    [InlineData(HandshakeType.EncryptedExtensions, ExtensionType.SignatureAlgorithms, TlsAlert.IllegalParameter)]
    [InlineData(HandshakeType.CertificateRequest, ExtensionType.KeyShare, TlsAlert.IllegalParameter)]
    internal void Extension_where_it_is_not_asked_for_or_not_allowed_is_refused(
        HandshakeType message, ExtensionType extra, TlsAlert alert) =>
        AssertAlert(alert, ToClient(message, bytes => MessageEditor.Add(bytes, extra)));

    [Theory]
    [InlineData(HandshakeType.ServerHello)]
    [InlineData(HandshakeType.EncryptedExtensions)]
    [InlineData(HandshakeType.CertificateRequest)]
    internal void Extension_twice_in_a_servers_message_is_refused(HandshakeType message) =>
        AssertAlert(TlsAlert.IllegalParameter, ToClient(message, bytes => MessageEditor.EditExtensions(bytes, list => list.Add(list[0]))));

    [Fact]
    public void Server_must_send_its_transport_parameters() =>
        AssertAlert(TlsAlert.MissingExtension, ToClient(
            HandshakeType.EncryptedExtensions, bytes => MessageEditor.Remove(bytes, ExtensionType.QuicTransportParameters)));

    [Fact]
    public void Server_must_agree_on_our_protocol()
    {
        AssertAlert(TlsAlert.NoApplicationProtocol, ToClient(
            HandshakeType.EncryptedExtensions, bytes => MessageEditor.Remove(bytes, ExtensionType.ApplicationLayerProtocolNegotiation)));
        AssertAlert(TlsAlert.NoApplicationProtocol, ToClient(
            HandshakeType.EncryptedExtensions,
            bytes => MessageEditor.Set(bytes, ExtensionType.ApplicationLayerProtocolNegotiation, 0, 3, 2, 104, 51)));
        AssertAlert(TlsAlert.DecodeError, ToClient(
            HandshakeType.EncryptedExtensions,
            bytes => MessageEditor.Set(bytes, ExtensionType.ApplicationLayerProtocolNegotiation, 0, 4, 1, 104, 1, 105)));
    }

    [Fact]
    public void Hint_of_the_servers_groups_is_allowed()
    {
        // The change shows at CertificateVerify, which covers it, not at EncryptedExtensions.
        AssertAlert(TlsAlert.DecryptError, ToClient(
            HandshakeType.EncryptedExtensions, bytes => MessageEditor.Add(bytes, ExtensionType.SupportedGroups, 0, 2, 0, 0x17)));
        AssertAlert(TlsAlert.DecodeError, ToClient(
            HandshakeType.EncryptedExtensions, bytes => MessageEditor.Add(bytes, ExtensionType.SupportedGroups, 0, 1, 0)));
    }

    [Fact]
    public void Certificate_request_must_name_schemes_and_no_context()
    {
        AssertAlert(TlsAlert.MissingExtension, ToClient(
            HandshakeType.CertificateRequest, bytes => MessageEditor.Remove(bytes, ExtensionType.SignatureAlgorithms)));
        AssertAlert(TlsAlert.IllegalParameter, ToClient(
            HandshakeType.CertificateRequest, bytes => MessageEditor.Message(HandshakeType.CertificateRequest, [1, 5, .. bytes[5..]])));
    }

    [Fact]
    public void Finished_of_another_length_is_a_decode_error() =>
        AssertAlert(TlsAlert.DecodeError, ToClient(
            HandshakeType.Finished, bytes => MessageEditor.Message(HandshakeType.Finished, bytes[4..^1])));

    [Fact]
    public void Finished_that_does_not_fit_is_a_decrypt_error() =>
        AssertAlert(TlsAlert.DecryptError, ToClient(HandshakeType.Finished, bytes => Flip(bytes, 20)));

    private static byte[] EditShare(byte[] hello, Func<byte[], byte[]> edit) => MessageEditor.EditExtensions(hello, list =>
    {
        int index = list.FindIndex(e => e.Type == ExtensionType.KeyShare);
        byte[] data = list[index].Data;
        bool isClientHello = hello[0] == (byte)HandshakeType.ClientHello;
        byte[] share = data[(isClientHello ? 6 : 4)..];
        byte[] entry = [0, 0x17, .. MessageEditor.Vector16(edit(share))];
        list[index] = (ExtensionType.KeyShare, isClientHello ? MessageEditor.Vector16(entry) : entry);
    });
}
