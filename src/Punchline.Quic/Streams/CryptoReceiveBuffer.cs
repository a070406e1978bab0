using Punchline.Quic.Wire;

namespace Punchline.Quic.Streams;

/// <summary>
/// Handshake bytes of one encryption level, put in order for TLS (RFC 9000 section 19.6). They lie in one
/// piece of memory, so that a whole handshake message can be looked at where it is.
/// </summary>
/// <param name="limit">How many bytes may wait for TLS, gaps included.</param>
internal sealed class CryptoReceiveBuffer(int limit = CryptoReceiveBuffer.DefaultLimit)
{
    /// <summary>
    /// At least 4,096 is required (RFC 9000 section 7.5). This also holds the certificate chains that other
    /// implementations present in practice, and is what an unknown peer can make us keep for each level.
    /// </summary>
    public const int DefaultLimit = 64 * 1024;

    private const int InitialCapacity = 2048;

    // The gaps of the largest buffer that arrives in pieces of 64 bytes, every other one lost.
    private const int MaxRanges = 512;

    private byte[] _bytes = [];
    private OffsetRanges _beyond;
    private ulong _start;      // the stream offset of _bytes[0]
    private ulong _read;
    private ulong _contiguous;

    /// <summary>True if bytes wait that cannot be read before a gap is filled.</summary>
    public bool HasGap => _beyond.Count != 0;

    /// <summary>True if neither bytes nor gaps wait: required when a level's keys change (RFC 9001 section 4.1.3).</summary>
    public bool IsEmpty => _read == _contiguous && !HasGap;

    /// <summary>Takes a CRYPTO frame.</summary>
    /// <returns>The error that ends the connection, or null.</returns>
    public QuicError? Receive(ulong offset, ReadOnlySpan<byte> data)
    {
        ulong end = offset + (ulong)data.Length;
        if (end > _read + (ulong)limit)
            return QuicError.Transport(TransportErrorCode.CryptoBufferExceeded, "more handshake data than is kept", FrameTypes.Crypto);
        if (end <= _contiguous)
            return null;
        if (offset < _contiguous)
        {
            data = data[(int)(_contiguous - offset)..];
            offset = _contiguous;
        }
        MakeRoom(end);
        data.CopyTo(_bytes.AsSpan((int)(offset - _start)));
        _beyond.Add(offset, end);
        if (_beyond[0].Start == _contiguous)
        {
            _contiguous = _beyond[0].End;
            _beyond.RemoveFirst();
        }
        return _beyond.Count <= MaxRanges ? null
            : QuicError.Transport(TransportErrorCode.CryptoBufferExceeded, "handshake data in too many pieces", FrameTypes.Crypto);
    }

    /// <summary>The bytes that are in order and not taken. Valid until the next call of <see cref="Receive"/>.</summary>
    public ReadOnlySpan<byte> Peek() => _bytes.AsSpan((int)(_read - _start), (int)(_contiguous - _read));

    /// <summary>Takes bytes off the front of what <see cref="Peek"/> shows.</summary>
    public void Advance(int n)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(n);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(n, Peek().Length);
        _read += (ulong)n;
    }

    private void MakeRoom(ulong end)
    {
        if (end - _start <= (ulong)_bytes.Length)
            return;
        byte[] old = _bytes;
        int used = (int)(Math.Max(_contiguous, HasGap ? _beyond[_beyond.Count - 1].End : 0) - _read);
        int needed = (int)(end - _read);
        if (needed > old.Length)
            _bytes = new byte[Math.Min(limit, Math.Max(InitialCapacity, Math.Max(needed, old.Length * 2)))];
        old.AsSpan((int)(_read - _start), used).CopyTo(_bytes);
        _start = _read;
    }
}
