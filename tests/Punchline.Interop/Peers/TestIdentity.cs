using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Punchline.Lab.Fixtures;

namespace Punchline.Interop.Peers;

/// <summary>A P-256 key with a self-signed certificate in PEM files, as other programs want it. Our TLS takes no other kind of key.</summary>
internal sealed class TestIdentity
{
    private TestIdentity(string keyFile, string certificateFile, byte[] id) => (KeyFile, CertificateFile, Id) = (keyFile, certificateFile, id);

    public string KeyFile { get; }

    public string CertificateFile { get; }

    /// <summary>The SHA-256 of the public key: what our side must find.</summary>
    public byte[] Id { get; }

    public static TestIdentity Create(WorkFolder folder)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        return new TestIdentity(
            folder.Write("peer.key", key.ExportPkcs8PrivateKeyPem()),
            folder.Write("peer.crt", certificate.ExportCertificatePem()),
            SHA256.HashData(key.ExportSubjectPublicKeyInfo()));
    }
}
