using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;

namespace Punchline.Quic;

/// <summary>
/// Public points of P-256 in their two outer forms: the TLS key share (04 ‖ X ‖ Y) and the DER SubjectPublicKeyInfo.
/// A point is checked to lie on the curve here, in public arithmetic, because the base library answers a bad one with an exception,
/// and a hostile packet must not cost a throw.
/// </summary>
internal static class P256Point
{
    /// <summary>One coordinate or scalar, in bytes.</summary>
    public const int CoordinateLength = 32;

    /// <summary>04 ‖ X ‖ Y (RFC 9846 section 4.3.8.2).</summary>
    public const int UncompressedLength = 1 + 2 * CoordinateLength;

    /// <summary>The SubjectPublicKeyInfo of an uncompressed point (RFC 5480 section 2).</summary>
    public const int PublicKeyInfoLength = 91;

    private const byte UncompressedForm = 4;

    private static readonly BigInteger Prime = Number("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff");
    private static readonly BigInteger B = Number("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b");

    /// <summary>The order of the group, big-endian: a private scalar is 1 to this less 1 (SEC 2 section 2.4.2).</summary>
    public static ReadOnlySpan<byte> Order =>
    [
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];

    /// <summary>
    /// What stands before the point in a SubjectPublicKeyInfo: id-ecPublicKey, prime256v1, a BIT STRING without unused bits.
    /// </summary>
    private static ReadOnlySpan<byte> PublicKeyInfoPrefix =>
    [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
        0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];

    /// <summary>
    /// True if the bytes are 04 ‖ X ‖ Y of a point on the curve; the point at infinity has no such form (RFC 9846 section 4.3.8.2).
    /// </summary>
    public static bool IsValid(ReadOnlySpan<byte> point)
    {
        if (point.Length != UncompressedLength || point[0] != UncompressedForm)
            return false;
        var x = new BigInteger(point.Slice(1, CoordinateLength), isUnsigned: true, isBigEndian: true);
        var y = new BigInteger(point[(1 + CoordinateLength)..], isUnsigned: true, isBigEndian: true);
        // y² = x³ - 3x + b over the prime field.
        return x < Prime && y < Prime && ((y * y - (x * x - 3) * x - B) % Prime).IsZero;
    }

    /// <summary>Takes the point out of a SubjectPublicKeyInfo, which must be the one 91-byte form (RFC 9846 appendix C.2) and hold a point on the curve.</summary>
    /// <param name="point">04 ‖ X ‖ Y.</param>
    public static bool TryReadPublicKeyInfo(ReadOnlySpan<byte> publicKeyInfo, out ReadOnlySpan<byte> point)
    {
        point = default;
        if (publicKeyInfo.Length != PublicKeyInfoLength || !publicKeyInfo.StartsWith(PublicKeyInfoPrefix))
            return false;
        point = publicKeyInfo[PublicKeyInfoPrefix.Length..];
        return IsValid(point);
    }

    /// <summary>The SubjectPublicKeyInfo of a point.</summary>
    public static byte[] ToPublicKeyInfo(ReadOnlySpan<byte> point) => [.. PublicKeyInfoPrefix, .. point];

    /// <summary>04 ‖ X ‖ Y of a key.</summary>
    public static byte[] FromParameters(ECParameters parameters) => [UncompressedForm, .. parameters.Q.X!, .. parameters.Q.Y!];

    /// <summary>The base library's form of a point that <see cref="IsValid"/> accepted.</summary>
    public static ECParameters ToParameters(ReadOnlySpan<byte> point) => new()
    {
        Curve = ECCurve.NamedCurves.nistP256,
        Q = new ECPoint { X = point.Slice(1, CoordinateLength).ToArray(), Y = point[(1 + CoordinateLength)..].ToArray() },
    };

    /// <summary>True if 32 bytes are a private scalar: 1 to the order less 1.</summary>
    public static bool IsScalar(ReadOnlySpan<byte> scalar) =>
        scalar.Length == CoordinateLength && scalar.SequenceCompareTo(Order) < 0 && scalar.ContainsAnyExcept((byte)0);

    /// <summary>Draws a private scalar by rejection, so that it is uniform.</summary>
    /// <param name="scalar">32 bytes to fill.</param>
    public static void DrawScalar(IRandomness randomness, Span<byte> scalar)
    {
        do
            randomness.FillSecret(scalar);
        while (!IsScalar(scalar));
    }

    private static BigInteger Number(string hex) => BigInteger.Parse("0" + hex, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
