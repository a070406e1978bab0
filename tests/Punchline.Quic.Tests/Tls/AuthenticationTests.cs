using System.Security.Cryptography;
using Punchline.Quic.Tls;
using Punchline.Testing;
using Xunit;
using static Punchline.Quic.Tests.Tls.TlsAssert;
using X509CertificateRequest = System.Security.Cryptography.X509Certificates.CertificateRequest;

namespace Punchline.Quic.Tests.Tls;

/// <summary>Who is let in: DESIGN decision 6 in both roles.</summary>
public sealed class AuthenticationTests
{
    /// <summary>A signer whose certificate, key and signatures are what a test says.</summary>
    private sealed class OddSigner(byte[] certificate, Func<byte[], byte[]> sign) : ISigner
    {
        public ReadOnlyMemory<byte> Certificate => certificate;

        public ReadOnlyMemory<byte> PublicKeyInfo => TlsPair.ClientSigner.PublicKeyInfo;

        public byte[] Sign(ReadOnlySpan<byte> content) => sign(content.ToArray());
    }

    private static readonly DeterministicSigner Stranger = DeterministicSigner.Create(new SeededRandomness(99));

    private static TlsPair Run(
        ISigner? clientSigner = null, ISigner? serverSigner = null, Func<Carried, byte[]?>? onTheWay = null,
        bool hasClientSigner = true, bool anyPeer = false)
    {
        byte[]? clientId = anyPeer ? null : PeerIdentity.ComputeId(TlsPair.ClientSigner.PublicKeyInfo.Span);
        byte[]? serverId = anyPeer ? null : PeerIdentity.ComputeId(TlsPair.ServerSigner.PublicKeyInfo.Span);
        return new TlsPair(
            TlsPair.Options(true, 1, signer: clientSigner, hasSigner: hasClientSigner, expectedPeer: serverId),
            TlsPair.Options(false, 2, signer: serverSigner, expectedPeer: clientId, requireClientCertificate: true))
        {
            OnTheWay = onTheWay ?? (carried => carried.Bytes),
        }.Run();
    }

    [Fact]
    public void Wrong_server_is_refused_before_its_proof_is_looked_at()
    {
        using var pair = Run(
            serverSigner: Stranger, onTheWay: carried => carried.Type == HandshakeType.CertificateVerify ? null : carried.Bytes);
        AssertAlert(TlsAlert.CertificateUnknown, pair.ClientError);
        Assert.True(pair.Client.PeerId.IsEmpty);
        Assert.False(pair.Server.IsComplete);
    }

    [Fact]
    public void Wrong_client_is_refused_before_its_proof_is_looked_at()
    {
        using var pair = Run(
            clientSigner: Stranger,
            onTheWay: carried => carried.FromClient && carried.Type == HandshakeType.CertificateVerify ? null : carried.Bytes);
        AssertAlert(TlsAlert.CertificateUnknown, pair.ServerError);
        Assert.True(pair.Server.PeerId.IsEmpty);
        Assert.False(pair.Server.IsComplete);
    }

    [Fact]
    public void Any_key_serves_where_none_is_expected_and_is_then_known()
    {
        using var pair = Run(clientSigner: Stranger, anyPeer: true);
        HandshakeTests.AssertAgreement(pair);
        Assert.Equal(PeerIdentity.ComputeId(Stranger.PublicKeyInfo.Span), pair.Server.PeerId.ToArray());
    }

    [Fact]
    public void Client_without_a_certificate_is_refused()
    {
        using var pair = Run(hasClientSigner: false);
        AssertAlert(TlsAlert.CertificateRequired, pair.ServerError);
        Assert.False(pair.Server.IsComplete);
        // By RFC 9846 section 4.5.1 the client says so with an empty list.
        Assert.Equal("0b00000400000000", Convert.ToHexStringLower(pair.Messages[^2].Bytes));
    }

    [Fact]
    public void Server_that_skips_its_certificate_message_is_refused()
    {
        using var pair = Run(onTheWay: carried =>
            carried.Type is HandshakeType.Certificate or HandshakeType.CertificateVerify ? null : carried.Bytes);
        AssertAlert(TlsAlert.UnexpectedMessage, pair.ClientError);
    }

    [Fact]
    public void Client_that_skips_its_certificate_message_is_refused()
    {
        using var pair = Run(onTheWay: carried =>
            carried.FromClient && carried.Type is (HandshakeType.Certificate or HandshakeType.CertificateVerify) ? null : carried.Bytes);
        AssertAlert(TlsAlert.UnexpectedMessage, pair.ServerError);
    }

    [Fact]
    public void Client_that_skips_its_proof_is_refused()
    {
        using var pair = Run(onTheWay: carried =>
            carried.FromClient && carried.Type == HandshakeType.CertificateVerify ? null : carried.Bytes);
        AssertAlert(TlsAlert.UnexpectedMessage, pair.ServerError);
    }

    [Fact]
    public void Empty_certificate_list_of_a_server_is_a_decode_error()
    {
        using var pair = Run(onTheWay: carried =>
            carried.Type == HandshakeType.Certificate ? MessageEditor.Message(HandshakeType.Certificate, 0, 0, 0, 0) : carried.Bytes);
        AssertAlert(TlsAlert.DecodeError, pair.ClientError);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Two_certificates_are_refused(bool fromClient)
    {
        using var pair = Run(onTheWay: carried =>
        {
            if (carried.FromClient != fromClient || carried.Type != HandshakeType.Certificate)
                return carried.Bytes;
            byte[] entry = carried.Bytes[8..];
            return MessageEditor.Message(HandshakeType.Certificate, [0, .. MessageEditor.Vector24([.. entry, .. entry])]);
        });
        AssertAlert(TlsAlert.UnsupportedCertificate, fromClient ? pair.ServerError : pair.ClientError);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Extension_in_a_certificate_entry_is_unsolicited(bool fromClient)
    {
        using var pair = Run(onTheWay: carried =>
        {
            if (carried.FromClient != fromClient || carried.Type != HandshakeType.Certificate)
                return carried.Bytes;
            byte[] entry = [.. carried.Bytes[8..^2], 0, 4, 0, 5, 0, 0];
            return MessageEditor.Message(HandshakeType.Certificate, [0, .. MessageEditor.Vector24(entry)]);
        });
        AssertAlert(TlsAlert.UnsupportedExtension, fromClient ? pair.ServerError : pair.ClientError);
    }

    [Fact]
    public void Certificate_context_must_be_empty()
    {
        using var pair = Run(onTheWay: carried => carried.FromClient && carried.Type == HandshakeType.Certificate
            ? MessageEditor.Message(HandshakeType.Certificate, [1, 7, .. carried.Bytes[5..]]) : carried.Bytes);
        AssertAlert(TlsAlert.IllegalParameter, pair.ServerError);
    }

    [Fact]
    public void Other_curve_is_unsupported()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        AssertUnsupported(Create(new X509CertificateRequest("CN=x", key, HashAlgorithmName.SHA384)));
    }

    [Fact]
    public void Rsa_is_unsupported()
    {
        using var key = RSA.Create(2048);
        var request = new X509CertificateRequest("CN=x", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        AssertUnsupported(Create(request));
    }

    [Fact]
    public void Point_off_the_curve_is_unsupported()
    {
        byte[] certificate = TlsPair.ClientSigner.Certificate.ToArray();
        int keyInfo = certificate.AsSpan().IndexOf(TlsPair.ClientSigner.PublicKeyInfo.Span);
        certificate[keyInfo + PeerIdentity.PublicKeyInfoLength - 1] ^= 1;
        AssertUnsupported(certificate);
    }

    [Fact]
    public void Compressed_form_byte_is_unsupported()
    {
        byte[] certificate = TlsPair.ClientSigner.Certificate.ToArray();
        int keyInfo = certificate.AsSpan().IndexOf(TlsPair.ClientSigner.PublicKeyInfo.Span);
        certificate[keyInfo + PeerIdentity.PublicKeyInfoLength - 65] = 2;
        AssertUnsupported(certificate);
    }

    [Fact]
    public void Rubbish_instead_of_a_certificate_is_bad()
    {
        using var pair = Run(clientSigner: new OddSigner([1, 2, 3], SignAsClient));
        AssertAlert(TlsAlert.BadCertificate, pair.ServerError);
    }

    [Fact]
    public void Certificates_own_signature_names_and_dates_mean_nothing()
    {
        // A certificate by the base library with a date long past and another name, its signature destroyed.
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new X509CertificateRequest("CN=somebody, O=else", key, HashAlgorithmName.SHA256);
        byte[] certificate = Create(request, year: 1990);
        certificate[^1] ^= 0xff;
        using var pair = Run(
            clientSigner: new OddSigner(certificate, c => key.SignData(c, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence)),
            anyPeer: true);
        HandshakeTests.AssertAgreement(pair);
        Assert.Equal(PeerIdentity.ComputeId(key.ExportSubjectPublicKeyInfo()), pair.Server.PeerId.ToArray());
    }

    [Fact]
    public void Proof_by_another_key_is_refused()
    {
        using var pair = Run(clientSigner: new OddSigner(TlsPair.ClientSigner.Certificate.ToArray(), content => Stranger.Sign(content)));
        AssertAlert(TlsAlert.DecryptError, pair.ServerError);
        Assert.True(pair.Server.PeerId.IsEmpty);
    }

    [Fact]
    public void Proof_in_the_other_role_is_refused()
    {
        // The client signs what a server would sign.
        var signer = new OddSigner(TlsPair.ClientSigner.Certificate.ToArray(), content =>
            TlsPair.ClientSigner.Sign(CertificateVerify.ContentToSign(byClient: false, content.AsSpan(^32..))));
        using var pair = Run(clientSigner: signer);
        AssertAlert(TlsAlert.DecryptError, pair.ServerError);
    }

    [Theory]
    [InlineData("")]
    [InlineData("3000")]
    [InlineData("3006020100020100")]
    [InlineData("3006020101020181")]
    [InlineData("30080201010201010500")]
    [InlineData("300602017f02017f00")]
    [InlineData("308006020101020101")]
    public void Malformed_signature_is_refused_without_a_throw(string signature)
    {
        using var pair = Run(
            clientSigner: new OddSigner(TlsPair.ClientSigner.Certificate.ToArray(), _ => Convert.FromHexString(signature)));
        AssertAlert(TlsAlert.DecryptError, pair.ServerError);
    }

    [Fact]
    public void Other_signature_scheme_is_refused()
    {
        using var pair = Run(onTheWay: carried =>
            carried.FromClient && carried.Type == HandshakeType.CertificateVerify ? Flip(carried.Bytes, 5) : carried.Bytes);
        AssertAlert(TlsAlert.IllegalParameter, pair.ServerError);
    }

    [Fact]
    public void Request_that_our_key_cannot_meet_is_answered_with_no_certificate()
    {
        using var pair = Run(onTheWay: carried => carried.Type == HandshakeType.CertificateRequest
            ? MessageEditor.Set(carried.Bytes, ExtensionType.SignatureAlgorithms, 0, 2, 8, 4) : carried.Bytes);
        // The altered request shows at the server's CertificateVerify, which covers it.
        AssertAlert(TlsAlert.DecryptError, pair.ClientError);
        Assert.Null(CertificateRequest.Read([0, 0, 8, 0, 13, 0, 4, 0, 2, 8, 4], out bool canSatisfy));
        Assert.False(canSatisfy);
    }

    private static byte[] SignAsClient(byte[] content) => TlsPair.ClientSigner.Sign(content);

    private static void AssertUnsupported(byte[] certificate)
    {
        using var pair = Run(clientSigner: new OddSigner(certificate, SignAsClient), anyPeer: true);
        AssertAlert(TlsAlert.UnsupportedCertificate, pair.ServerError);
        Assert.False(pair.Server.IsComplete);
    }

    private static byte[] Create(X509CertificateRequest request, int year = 2020)
    {
        using var certificate = request.CreateSelfSigned(
            new DateTimeOffset(year, 1, 1, 0, 0, 0, TimeSpan.Zero), new DateTimeOffset(year + 1, 1, 1, 0, 0, 0, TimeSpan.Zero));
        return certificate.RawData;
    }
}
