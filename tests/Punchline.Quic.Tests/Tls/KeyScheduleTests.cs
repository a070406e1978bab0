using System.Security.Cryptography;
using Punchline.Quic.Crypto;
using Punchline.Quic.Tls;
using Xunit;

namespace Punchline.Quic.Tests.Tls;

/// <summary>The key schedule, transcript and Finished against RFC 8448.</summary>
public sealed class KeyScheduleTests
{
    [Fact]
    public void Simple_handshake_of_section_3_gives_every_published_secret()
    {
        using var transcript = new Transcript();
        using var schedule = new KeySchedule(default);
        AssertHex(Rfc8448.Simple.EarlySecret, schedule.CurrentSecret);

        transcript.Append(Hex(Rfc8448.Simple.ClientHello));
        transcript.Append(Hex(Rfc8448.Simple.ServerHello));
        AssertHex(Rfc8448.Simple.HashToServerHello, HashOf(transcript));
        using var handshake = schedule.EnterHandshake(Hex(Rfc8448.Simple.SharedSecret), HashOf(transcript));
        AssertHex(Rfc8448.Simple.HandshakeSecret, schedule.CurrentSecret);
        AssertHex(Rfc8448.Simple.ClientHandshakeTraffic, handshake.Client);
        AssertHex(Rfc8448.Simple.ServerHandshakeTraffic, handshake.Server);

        transcript.Append(Hex(Rfc8448.Simple.EncryptedExtensions));
        transcript.Append(Hex(Rfc8448.Simple.Certificate));
        transcript.Append(Hex(Rfc8448.Simple.CertificateVerify));
        AssertHex(Rfc8448.Simple.ServerFinished[8..], Finished(handshake.Server, transcript));

        transcript.Append(Hex(Rfc8448.Simple.ServerFinished));
        AssertHex(Rfc8448.Simple.HashToServerFinished, HashOf(transcript));
        byte[] clientFinished = OpenRecord(handshake.Client, Rfc8448.Simple.ClientFinishedRecord);
        AssertHex(Convert.ToHexStringLower(clientFinished.AsSpan(4)), Finished(handshake.Client, transcript));

        using var application = schedule.EnterApplication(HashOf(transcript));
        AssertHex(Rfc8448.Simple.MainSecret, schedule.CurrentSecret);
        AssertHex(Rfc8448.Simple.ClientApplicationTraffic, application.Client);
        AssertHex(Rfc8448.Simple.ServerApplicationTraffic, application.Server);
        AssertHex(Rfc8448.Simple.ExporterSecret, Derive(schedule, "exp master"u8, transcript));

        transcript.Append(clientFinished);
        AssertHex(Rfc8448.Simple.ResumptionSecret, Derive(schedule, "res master"u8, transcript));
    }

    [Fact]
    public void Records_of_section_3_open_under_the_derived_keys()
    {
        byte[] secret = Hex(Rfc8448.Simple.ServerHandshakeTraffic);
        AssertHex(Rfc8448.Simple.ServerHandshakeKey, Expand(secret, "key"u8, 16));
        AssertHex(Rfc8448.Simple.ServerHandshakeIv, Expand(secret, "iv"u8, 12));
        byte[] flight = OpenRecord(secret, Rfc8448.Simple.ServerFlightRecord);
        AssertHex(
            Rfc8448.Simple.EncryptedExtensions + Rfc8448.Simple.Certificate + Rfc8448.Simple.CertificateVerify
                + Rfc8448.Simple.ServerFinished,
            flight);
    }

    [Fact]
    public void Session_ticket_of_section_3_is_no_ticket_for_quic()
    {
        byte[] ticket = OpenRecord(Hex(Rfc8448.Simple.ServerApplicationTraffic), Rfc8448.Simple.SessionTicketRecord);
        Assert.Equal((byte)HandshakeType.NewSessionTicket, ticket[0]);
        // It limits early data to 1,024 bytes; in QUIC only 0xffffffff may stand there (RFC 9001 section 4.6.1).
        Assert.False(NewSessionTicket.TryRead(ticket.AsSpan(4), out _, out var error));
        Assert.Equal((ulong)TransportErrorCode.ProtocolViolation, error?.Code);
        byte[] asQuicHasIt = [.. ticket[..^4], 0xff, 0xff, 0xff, 0xff];
        Assert.True(NewSessionTicket.TryRead(asQuicHasIt.AsSpan(4), out var message, out _));
        Assert.True(message.AllowsEarlyData);
        Assert.Equal([0, 0], message.Nonce.ToArray());
        AssertHex(Rfc8448.Resumed.Identity, message.Ticket);
        AssertHex(Rfc8448.Resumed.PreSharedKey, KeySchedule.TicketKey(Hex(Rfc8448.Simple.ResumptionSecret), message.Nonce));
    }

    [Fact]
    public void Resumed_handshake_of_section_4_gives_the_published_binder_and_early_secret()
    {
        byte[] hello = Hex(Rfc8448.Resumed.ClientHello);
        Assert.True(OfferedKeys.TryRead(hello.AsSpan(^0xdd..), out var keys));
        AssertHex(Rfc8448.Resumed.Identity, keys.Identity);
        Assert.Equal(0xfad6aacb, keys.ObfuscatedAge);
        AssertHex(Rfc8448.Resumed.Binder, keys.Binder);
        Assert.Equal(OfferedKeys.OwnBindersLength, keys.BindersLength);

        using var schedule = new KeySchedule(Hex(Rfc8448.Resumed.PreSharedKey));
        AssertHex(Rfc8448.Resumed.EarlySecret, schedule.CurrentSecret);
        using var transcript = new Transcript();
        byte[] hash = new byte[32];
        byte[] binder = new byte[32];
        transcript.AppendWithBinders(hello, keys.BindersLength, hash);
        AssertHex(Rfc8448.Resumed.HashForBinder, hash);
        schedule.ComputeBinder(hash, binder);
        AssertHex(Rfc8448.Resumed.Binder, binder);

        AssertHex(Rfc8448.Resumed.HashOfClientHello, HashOf(transcript));
        byte[] early = new byte[32];
        schedule.DeriveEarlyTraffic(HashOf(transcript), early);
        AssertHex(Rfc8448.Resumed.ClientEarlyTraffic, early);
        AssertHex(Rfc8448.Resumed.EarlyKey, Expand(early, "key"u8, 16));
        AssertHex(Rfc8448.Resumed.EarlyIv, Expand(early, "iv"u8, 12));
    }

    [Fact]
    public void Hello_retry_request_of_section_5_replaces_the_first_hello_in_the_transcript()
    {
        byte[] serverHello = Hex(Rfc8448.Retry.ServerHello);
        using var keyExchange = new P256KeyExchange(new FixedRandomness(Hex(Rfc8448.Retry.ClientPrivateKey))).CreateShare();
        Assert.Contains(Convert.ToHexStringLower(keyExchange.PublicBytes), Rfc8448.Retry.ClientHello2, StringComparison.Ordinal);
        Assert.True(ServerHello.TryRead(serverHello.AsSpan(4), out var hello, out _));
        Assert.Equal(P256KeyExchange.Secp256r1, hello.Group);
        Assert.True(keyExchange.TryFinish(hello.KeyShare, out byte[] sharedSecret));

        // The server's half of the same agreement.
        var server = new P256KeyExchange(new FixedRandomness(Hex(Rfc8448.Retry.ServerPrivateKey)));
        Assert.True(server.TryRespond(keyExchange.PublicBytes, out byte[] serverShare, out byte[] serverSecret));
        Assert.Equal(hello.KeyShare.ToArray(), serverShare);
        Assert.Equal(sharedSecret, serverSecret);

        using var transcript = new Transcript();
        transcript.Append(Hex(Rfc8448.Retry.ClientHello1));
        transcript.ReplaceWithMessageHash();
        transcript.Append(Hex(Rfc8448.Retry.HelloRetryRequest));
        transcript.Append(Hex(Rfc8448.Retry.ClientHello2));
        transcript.Append(serverHello);
        using var schedule = new KeySchedule(default);
        using var handshake = schedule.EnterHandshake(sharedSecret, HashOf(transcript));
        transcript.Append(Hex(Rfc8448.Retry.EncryptedExtensions));
        transcript.Append(Hex(Rfc8448.Retry.Certificate));
        transcript.Append(Hex(Rfc8448.Retry.CertificateVerify));
        AssertHex(Rfc8448.Retry.ServerFinished[8..], Finished(handshake.Server, transcript));
        transcript.Append(Hex(Rfc8448.Retry.ServerFinished));
        byte[] clientFinished = OpenRecord(handshake.Client, Rfc8448.Retry.ClientFinishedRecord);
        AssertHex(Convert.ToHexStringLower(clientFinished.AsSpan(4)), Finished(handshake.Client, transcript));
    }

    [Fact]
    public void Hello_retry_request_of_section_5_is_read_with_its_cookie()
    {
        Assert.True(ServerHello.TryRead(Hex(Rfc8448.Retry.HelloRetryRequest).AsSpan(4), out var request, out _));
        Assert.True(request.IsHelloRetryRequest);
        Assert.Equal(P256KeyExchange.Secp256r1, request.Group);
        Assert.Equal(0x72, request.Cookie.Length);
    }

    [Fact]
    public void Server_of_section_6_proves_its_p256_key()
    {
        using var transcript = new Transcript();
        transcript.Append(Hex(Rfc8448.ClientAuthentication.ClientHello));
        transcript.Append(Hex(Rfc8448.ClientAuthentication.ServerHello));
        using var schedule = new KeySchedule(default);
        using var handshake = schedule.EnterHandshake(Hex(Rfc8448.ClientAuthentication.SharedSecret), HashOf(transcript));
        transcript.Append(Hex(Rfc8448.ClientAuthentication.EncryptedExtensions));
        transcript.Append(Hex(Rfc8448.ClientAuthentication.CertificateRequest));
        Assert.Null(CertificateRequest.Read(Hex(Rfc8448.ClientAuthentication.CertificateRequest).AsSpan(4), out bool canSatisfy));
        Assert.True(canSatisfy);

        var peer = new PeerAuthentication(TlsPair.Options(isClient: true, seed: 1));
        Assert.Null(peer.OnCertificate(Hex(Rfc8448.ClientAuthentication.Certificate).AsSpan(4)));
        transcript.Append(Hex(Rfc8448.ClientAuthentication.Certificate));
        Assert.True(peer.PeerId.IsEmpty);
        Assert.Null(peer.OnCertificateVerify(Hex(Rfc8448.ClientAuthentication.CertificateVerify).AsSpan(4), HashOf(transcript)));
        Assert.Equal(32, peer.PeerId.Length);
        transcript.Append(Hex(Rfc8448.ClientAuthentication.CertificateVerify));
        AssertHex(Rfc8448.ClientAuthentication.ServerFinished[8..], Finished(handshake.Server, transcript));
    }

    [Fact]
    public void Pre_shared_key_changes_the_early_secret()
    {
        using var without = new KeySchedule(default);
        using var zeros = new KeySchedule(new byte[32]);
        using var with = new KeySchedule([1, 2, 3]);
        Assert.Equal(without.CurrentSecret.ToArray(), zeros.CurrentSecret.ToArray());
        Assert.NotEqual(without.CurrentSecret.ToArray(), with.CurrentSecret.ToArray());
    }

    private static byte[] OpenRecord(byte[] trafficSecret, string record)
    {
        byte[] bytes = Hex(record);
        byte[] plaintext = new byte[bytes.Length - 5 - 16];
        using var aead = new AesGcm(Expand(trafficSecret, "key"u8, 16), 16);
        // Sequence number 0, so the nonce is the IV; the record's header is the associated data (RFC 9846 section 5.2).
        aead.Decrypt(
            Expand(trafficSecret, "iv"u8, 12), bytes.AsSpan(5, plaintext.Length), bytes.AsSpan(^16..), plaintext, bytes.AsSpan(0, 5));
        Assert.Equal(22, plaintext[^1]);
        return plaintext[..^1];
    }

    private static byte[] Expand(byte[] secret, ReadOnlySpan<byte> label, int length)
    {
        byte[] output = new byte[length];
        QuicKeyDerivation.ExpandLabel(secret, label, default, output);
        return output;
    }

    private static byte[] Derive(KeySchedule schedule, ReadOnlySpan<byte> label, Transcript transcript)
    {
        byte[] output = new byte[32];
        schedule.DeriveSecret(label, HashOf(transcript), output);
        return output;
    }

    private static byte[] Finished(byte[] trafficSecret, Transcript transcript)
    {
        byte[] output = new byte[32];
        KeySchedule.ComputeFinished(trafficSecret, HashOf(transcript), output);
        return output;
    }

    private static byte[] HashOf(Transcript transcript)
    {
        byte[] hash = new byte[32];
        transcript.GetHash(hash);
        return hash;
    }

    private static byte[] Hex(string hex) => Convert.FromHexString(hex);

    private static void AssertHex(string expected, ReadOnlySpan<byte> actual) => Assert.Equal(expected, Convert.ToHexStringLower(actual));

    /// <summary>Gives one value, then fails: a second draw would mean another scalar than the published one.</summary>
    private sealed class FixedRandomness(byte[] secret) : IRandomness
    {
        private bool _given;

        public void FillPublic(Span<byte> destination) => throw new NotSupportedException();

        public void FillSecret(Span<byte> destination)
        {
            Assert.False(_given);
            _given = true;
            secret.CopyTo(destination);
        }
    }
}
