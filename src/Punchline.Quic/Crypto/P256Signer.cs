using System.Security.Cryptography;
using Punchline.Quic.Tls;

namespace Punchline.Quic;

/// <summary>
/// A P-256 identity with the base library's ECDSA. Its certificate is self-signed and says nothing about anyone:
/// every identity's differs only in key and signature. Not safe for several threads at once.
/// </summary>
public sealed class P256Signer : ISigner, IDisposable
{
    /// <summary>The length of a private scalar, in bytes.</summary>
    public const int PrivateKeyLength = P256Point.CoordinateLength;

    private readonly ECDsa _key;
    private readonly byte[] _publicKeyInfo;
    private readonly byte[] _certificate;

    /// <summary>The identity of a private scalar.</summary>
    /// <param name="privateKey">32 bytes, big-endian, 1 to the group's order less 1; the caller keeps and zeroes its copy.</param>
    /// <exception cref="ArgumentException">It is no such scalar.</exception>
    public P256Signer(ReadOnlySpan<byte> privateKey)
    {
        if (!P256Point.IsScalar(privateKey))
            throw new ArgumentException("A P-256 private key is a number from 1 to the order less 1, in 32 bytes.", nameof(privateKey));
        byte[] scalar = privateKey.ToArray();
        try
        {
            _key = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = scalar });
        }
        finally
        {
            CryptographicOperations.ZeroMemory(scalar);
        }
        _publicKeyInfo = P256Point.ToPublicKeyInfo(P256Point.FromParameters(_key.ExportParameters(includePrivateParameters: false)));
        _certificate = SelfSignedCertificate.Create(_publicKeyInfo, Sign);
    }

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> Certificate => _certificate;

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> PublicKeyInfo => _publicKeyInfo;

    /// <summary>A new identity.</summary>
    public static P256Signer Create(IRandomness randomness)
    {
        Span<byte> scalar = stackalloc byte[PrivateKeyLength];
        try
        {
            P256Point.DrawScalar(randomness, scalar);
            return new P256Signer(scalar);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(scalar);
        }
    }

    /// <summary>The identity in a PKCS#8 PrivateKeyInfo, as <see cref="ExportPkcs8"/> makes it.</summary>
    /// <exception cref="CryptographicException">The bytes are not a P-256 private key in PKCS#8.</exception>
    public static P256Signer ImportPkcs8(ReadOnlySpan<byte> privateKeyInfo)
    {
        using var key = ECDsa.Create();
        key.ImportPkcs8PrivateKey(privateKeyInfo, out int read);
        var parameters = key.ExportParameters(includePrivateParameters: true);
        try
        {
            if (read != privateKeyInfo.Length || parameters.Curve.Oid.Value != P256Oid)
                throw new CryptographicException("Not a P-256 private key in PKCS#8.");
            return new P256Signer(parameters.D);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(parameters.D);
        }
    }

    /// <summary>The private scalar, to be kept secret; the caller zeroes it after use.</summary>
    /// <returns>32 bytes, big-endian.</returns>
    public byte[] ExportPrivateKey() => _key.ExportParameters(includePrivateParameters: true).D!;

    /// <summary>The key as a PKCS#8 PrivateKeyInfo, to be kept secret; the caller zeroes it after use.</summary>
    public byte[] ExportPkcs8() => _key.ExportPkcs8PrivateKey();

    /// <inheritdoc/>
    public byte[] Sign(ReadOnlySpan<byte> content) =>
        _key.SignData(content, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);

    /// <inheritdoc/>
    public void Dispose() => _key.Dispose();

    private const string P256Oid = "1.2.840.10045.3.1.7";
}
