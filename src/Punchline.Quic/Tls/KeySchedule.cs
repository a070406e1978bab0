using System.Security.Cryptography;
using Punchline.Quic.Crypto;

namespace Punchline.Quic.Tls;

/// <summary>The two traffic secrets of one encryption level. Disposing overwrites them.</summary>
internal sealed class TrafficSecrets : IDisposable
{
    public byte[] Client { get; } = new byte[TlsCodes.HashLength];

    public byte[] Server { get; } = new byte[TlsCodes.HashLength];

    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(Client);
        CryptographicOperations.ZeroMemory(Server);
    }
}

/// <summary>
/// The key schedule (RFC 9846 section 7.1, appendix F.1.1): one secret that moves down through three stages.
/// <code>
///   Early Secret     = Extract(0, PSK or 0)                                      → binder key, c e traffic
///   Handshake Secret = Extract(Derive-Secret(Early, "derived", ""), shared secret)  → c hs, s hs traffic
///   Main Secret      = Extract(Derive-Secret(Handshake, "derived", ""), 0)          → c ap, s ap traffic, resumption
/// </code>
/// </summary>
internal sealed class KeySchedule : IDisposable
{
    private readonly byte[] _secret = new byte[TlsCodes.HashLength];

    /// <summary>Begins at the Early Secret.</summary>
    /// <param name="preSharedKey">The PSK of a resumed session, or empty.</param>
    public KeySchedule(ReadOnlySpan<byte> preSharedKey)
    {
        ReadOnlySpan<byte> zeros = stackalloc byte[TlsCodes.HashLength];
        HKDF.Extract(HashAlgorithmName.SHA256, preSharedKey.IsEmpty ? zeros : preSharedKey, zeros, _secret);
    }

    /// <summary>The secret of the present stage, for tests against published traces.</summary>
    internal ReadOnlySpan<byte> CurrentSecret => _secret;

    /// <summary>The binder of a ticket's PSK (RFC 9846 section 4.3.11.2), at the Early Secret.</summary>
    /// <param name="transcriptHash">Up to the ClientHello without its binders.</param>
    /// <param name="binder">32 bytes to fill.</param>
    public void ComputeBinder(ReadOnlySpan<byte> transcriptHash, Span<byte> binder)
    {
        Span<byte> emptyHash = stackalloc byte[TlsCodes.HashLength];
        SHA256.HashData(ReadOnlySpan<byte>.Empty, emptyHash);
        Span<byte> binderKey = stackalloc byte[TlsCodes.HashLength];
        DeriveSecret("res binder"u8, emptyHash, binderKey);
        ComputeFinished(binderKey, transcriptHash, binder);
        CryptographicOperations.ZeroMemory(binderKey);
    }

    /// <summary>The secret of 0-RTT packets, at the Early Secret.</summary>
    /// <param name="transcriptHash">The ClientHello.</param>
    /// <param name="secret">32 bytes to fill.</param>
    public void DeriveEarlyTraffic(ReadOnlySpan<byte> transcriptHash, Span<byte> secret) => DeriveSecret("c e traffic"u8, transcriptHash, secret);

    /// <summary>The secret from which the PSKs of tickets come, at the Main Secret.</summary>
    /// <param name="transcriptHash">ClientHello to the client's Finished.</param>
    /// <param name="secret">32 bytes to fill.</param>
    public void DeriveResumption(ReadOnlySpan<byte> transcriptHash, Span<byte> secret) => DeriveSecret("res master"u8, transcriptHash, secret);

    /// <summary>The PSK of one ticket (RFC 9846 section 4.7.1).</summary>
    /// <param name="resumptionSecret">Of <see cref="DeriveResumption"/>.</param>
    /// <param name="ticketNonce">The ticket's.</param>
    /// <returns>32 bytes.</returns>
    public static byte[] TicketKey(ReadOnlySpan<byte> resumptionSecret, ReadOnlySpan<byte> ticketNonce)
    {
        var key = new byte[TlsCodes.HashLength];
        QuicKeyDerivation.ExpandLabel(resumptionSecret, "resumption"u8, ticketNonce, key);
        return key;
    }

    /// <summary>Moves to the Handshake Secret.</summary>
    /// <param name="sharedSecret">From the key exchange.</param>
    /// <param name="transcriptHash">ClientHello to ServerHello.</param>
    public TrafficSecrets EnterHandshake(ReadOnlySpan<byte> sharedSecret, ReadOnlySpan<byte> transcriptHash)
    {
        Descend(sharedSecret);
        var secrets = new TrafficSecrets();
        DeriveSecret("c hs traffic"u8, transcriptHash, secrets.Client);
        DeriveSecret("s hs traffic"u8, transcriptHash, secrets.Server);
        return secrets;
    }

    /// <summary>Moves to the Main Secret.</summary>
    /// <param name="transcriptHash">ClientHello to the server's Finished.</param>
    public TrafficSecrets EnterApplication(ReadOnlySpan<byte> transcriptHash)
    {
        Descend(stackalloc byte[TlsCodes.HashLength]);
        var secrets = new TrafficSecrets();
        DeriveSecret("c ap traffic"u8, transcriptHash, secrets.Client);
        DeriveSecret("s ap traffic"u8, transcriptHash, secrets.Server);
        return secrets;
    }

    /// <summary>Derive-Secret of the present stage.</summary>
    public void DeriveSecret(ReadOnlySpan<byte> label, ReadOnlySpan<byte> transcriptHash, Span<byte> destination) =>
        QuicKeyDerivation.ExpandLabel(_secret, label, transcriptHash, destination);

    /// <summary>The verify_data of a Finished message (RFC 9846 section 4.5.3).</summary>
    /// <param name="trafficSecret">The sender's handshake traffic secret.</param>
    /// <param name="transcriptHash">Everything before that Finished.</param>
    /// <param name="verifyData">32 bytes to fill.</param>
    public static void ComputeFinished(ReadOnlySpan<byte> trafficSecret, ReadOnlySpan<byte> transcriptHash, Span<byte> verifyData)
    {
        Span<byte> finishedKey = stackalloc byte[TlsCodes.HashLength];
        QuicKeyDerivation.ExpandLabel(trafficSecret, "finished"u8, default, finishedKey);
        HMACSHA256.HashData(finishedKey, transcriptHash, verifyData);
        CryptographicOperations.ZeroMemory(finishedKey);
    }

    public void Dispose() => CryptographicOperations.ZeroMemory(_secret);

    private void Descend(ReadOnlySpan<byte> input)
    {
        Span<byte> emptyHash = stackalloc byte[TlsCodes.HashLength];
        SHA256.HashData(ReadOnlySpan<byte>.Empty, emptyHash);
        Span<byte> derived = stackalloc byte[TlsCodes.HashLength];
        DeriveSecret("derived"u8, emptyHash, derived);
        HKDF.Extract(HashAlgorithmName.SHA256, input, derived, _secret);
        CryptographicOperations.ZeroMemory(derived);
    }
}
