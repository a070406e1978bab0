using System.Security.Cryptography;
using Punchline.Quic;

namespace Punchline.Server.Tests;

/// <summary>An identity for tests; a server never looks at the certificate.</summary>
internal sealed class TestSigner : ISigner, IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public TestSigner()
    {
        PublicKeyInfo = _key.ExportSubjectPublicKeyInfo();
        HostId = SHA256.HashData(PublicKeyInfo.Span);
    }

    public ReadOnlyMemory<byte> Certificate => ReadOnlyMemory<byte>.Empty;

    public ReadOnlyMemory<byte> PublicKeyInfo { get; }

    public byte[] HostId { get; }

    public byte[] Sign(ReadOnlySpan<byte> content) => _key.SignData(content, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);

    public void Dispose() => _key.Dispose();
}
