using System.Formats.Asn1;
using System.Numerics;
using System.Security.Cryptography;
using Punchline.Quic;
using Punchline.Quic.Tls;

namespace Punchline.Testing;

/// <summary>
/// A P-256 identity whose signatures depend on key and content alone (RFC 6979), so that a simulated handshake repeats byte for byte.
/// Its arithmetic is not in constant time: for tests only.
/// </summary>
public sealed class DeterministicSigner : ISigner
{
    private static readonly BigInteger Order = FromBytes(P256Point.Order);

    private readonly byte[] _key;
    private readonly BigInteger _scalar;
    private readonly byte[] _publicKeyInfo;
    private readonly byte[] _certificate;

    /// <summary>The identity of a private scalar.</summary>
    /// <param name="privateKey">32 bytes, big-endian, 1 to the group's order less 1.</param>
    public DeterministicSigner(ReadOnlySpan<byte> privateKey)
    {
        if (!P256Point.IsScalar(privateKey))
            throw new ArgumentException("Not a P-256 scalar.", nameof(privateKey));
        _key = privateKey.ToArray();
        _scalar = FromBytes(_key);
        _publicKeyInfo = P256Point.ToPublicKeyInfo(MultiplyBase(_key));
        _certificate = SelfSignedCertificate.Create(_publicKeyInfo, Sign);
    }

    /// <summary>A new identity, its scalar drawn from the secret stream.</summary>
    public static DeterministicSigner Create(IRandomness randomness)
    {
        Span<byte> scalar = stackalloc byte[P256Point.CoordinateLength];
        P256Point.DrawScalar(randomness, scalar);
        return new DeterministicSigner(scalar);
    }

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> Certificate => _certificate;

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> PublicKeyInfo => _publicKeyInfo;

    /// <inheritdoc/>
    public byte[] Sign(ReadOnlySpan<byte> content)
    {
        byte[] hash = SHA256.HashData(content);
        var hashNumber = FromBytes(hash);
        foreach (byte[] nonce in Nonces(hashNumber))
        {
            // r is the X coordinate of kG; the base library multiplies the base point for us when it imports k as a private key.
            var r = FromBytes(MultiplyBase(nonce).AsSpan(1, P256Point.CoordinateLength)) % Order;
            var inverse = BigInteger.ModPow(FromBytes(nonce), Order - 2, Order);
            var s = inverse * (hashNumber + r * _scalar) % Order;
            if (r.IsZero || s.IsZero)
                continue;
            var writer = new AsnWriter(AsnEncodingRules.DER);
            using (writer.PushSequence())
            {
                writer.WriteInteger(r);
                writer.WriteInteger(s);
            }
            return writer.Encode();
        }
        throw new System.Diagnostics.UnreachableException();
    }

    /// <summary>RFC 6979 section 3.2; the hash and the order have the same length, so no bits are cut.</summary>
    private IEnumerable<byte[]> Nonces(BigInteger hash)
    {
        byte[] v = new byte[P256Point.CoordinateLength];
        byte[] k = new byte[P256Point.CoordinateLength];
        Array.Fill(v, (byte)1);
        byte[] seed = [.. _key, .. ToBytes(hash % Order)];
        k = Mac(k, [.. v, 0, .. seed]);
        v = Mac(k, v);
        k = Mac(k, [.. v, 1, .. seed]);
        v = Mac(k, v);
        while (true)
        {
            v = Mac(k, v);
            if (P256Point.IsScalar(v))
                yield return v;
            k = Mac(k, [.. v, 0]);
            v = Mac(k, v);
        }
    }

    private static byte[] Mac(byte[] key, byte[] content) => HMACSHA256.HashData(key, content);

    private static byte[] MultiplyBase(byte[] scalar)
    {
        using var key = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = scalar });
        return P256Point.FromParameters(key.ExportParameters(includePrivateParameters: false));
    }

    private static BigInteger FromBytes(ReadOnlySpan<byte> bytes) => new(bytes, isUnsigned: true, isBigEndian: true);

    private static byte[] ToBytes(BigInteger number)
    {
        byte[] bytes = new byte[P256Point.CoordinateLength];
        byte[] shortest = number.ToByteArray(isUnsigned: true, isBigEndian: true);
        shortest.CopyTo(bytes, bytes.Length - shortest.Length);
        return bytes;
    }
}
