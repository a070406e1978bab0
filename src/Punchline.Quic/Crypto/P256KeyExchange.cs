using System.Security.Cryptography;

namespace Punchline.Quic;

/// <summary>
/// secp256r1 (RFC 9846 section 4.3.8.2) with the base library's arithmetic. Private scalars are drawn from
/// <see cref="IRandomness.FillSecret"/> and imported by value, so that a simulation repeats from its seed.
/// </summary>
/// <param name="randomness">Where the private scalars come from.</param>
public sealed class P256KeyExchange(IRandomness randomness) : IKeyExchange
{
    /// <summary>The NamedGroup of secp256r1.</summary>
    public const ushort Secp256r1 = 0x0017;

    /// <inheritdoc/>
    public ushort Group => Secp256r1;

    /// <inheritdoc/>
    public IKeyShare CreateShare() => new Share(randomness);

    /// <inheritdoc/>
    public bool TryRespond(ReadOnlySpan<byte> clientShare, out byte[] serverShare, out byte[] sharedSecret)
    {
        serverShare = [];
        sharedSecret = [];
        if (!P256Point.IsValid(clientShare))
            return false;
        using var share = new Share(randomness);
        serverShare = share.PublicBytes.ToArray();
        return share.TryFinish(clientShare, out sharedSecret);
    }

    private sealed class Share : IKeyShare
    {
        private readonly ECDiffieHellman _key;
        private readonly byte[] _publicBytes;

        public Share(IRandomness randomness)
        {
            byte[] scalar = new byte[P256Point.CoordinateLength];
            try
            {
                P256Point.DrawScalar(randomness, scalar);
                _key = ECDiffieHellman.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = scalar });
            }
            finally
            {
                CryptographicOperations.ZeroMemory(scalar);
            }
            _publicBytes = P256Point.FromParameters(_key.ExportParameters(includePrivateParameters: false));
        }

        public ReadOnlySpan<byte> PublicBytes => _publicBytes;

        public bool TryFinish(ReadOnlySpan<byte> serverShare, out byte[] sharedSecret)
        {
            sharedSecret = [];
            if (!P256Point.IsValid(serverShare))
                return false;
            using var peer = ECDiffieHellman.Create(P256Point.ToParameters(serverShare));
            // RFC 9846 section 7.4.2: the X coordinate of the shared point, all 32 bytes.
            sharedSecret = _key.DeriveRawSecretAgreement(peer.PublicKey);
            return true;
        }

        public void Dispose() => _key.Dispose();
    }
}
