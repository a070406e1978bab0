namespace Punchline.Quic;

/// <summary>
/// One group of the TLS key exchange (RFC 9846 section 4.3.7), handed in. The shape also fits key encapsulation,
/// where the responder's share depends on the initiator's.
/// </summary>
public interface IKeyExchange
{
    /// <summary>The TLS NamedGroup, 0x0017 for secp256r1.</summary>
    ushort Group { get; }

    /// <summary>The client's half: a fresh private key.</summary>
    IKeyShare CreateShare();

    /// <summary>The server's half: makes a share and the secret from the client's share.</summary>
    /// <param name="clientShare">The key_exchange bytes of the client's KeyShareEntry; unchecked.</param>
    /// <param name="serverShare">The bytes to send back.</param>
    /// <param name="sharedSecret">The (EC)DHE secret; the caller zeroes it after use.</param>
    /// <returns>False if the client's share is not valid (not a point on the curve, a wrong length).</returns>
    bool TryRespond(ReadOnlySpan<byte> clientShare, out byte[] serverShare, out byte[] sharedSecret);
}

/// <summary>A client's private half of a key exchange.</summary>
public interface IKeyShare : IDisposable
{
    /// <summary>The key_exchange bytes to offer.</summary>
    ReadOnlySpan<byte> PublicBytes { get; }

    /// <summary>The secret from the server's share.</summary>
    /// <returns>False if the server's share is not valid.</returns>
    bool TryFinish(ReadOnlySpan<byte> serverShare, out byte[] sharedSecret);
}
