using Punchline.Quic.Recovery;
using Punchline.Quic.Wire;

namespace Punchline.Quic.Streams;

/// <summary>
/// Handshake bytes of one encryption level on their way to the peer, however often they are sent (RFC 9000 section 19.6,
/// RFC 9001 section 4): an ordered stream
/// without end and without flow control. TLS writes a bounded handshake, so nothing bounds it here.
/// </summary>
internal sealed class CryptoSendBuffer(ChunkPool pool) : IDisposable
{
    private readonly SendBuffer _buffer = new(new ChunkAccount(pool));

    /// <summary>True if a frame could go out: lost bytes, or new ones.</summary>
    public bool HasPending => _buffer.HasLost || _buffer.Sent < _buffer.End;

    /// <summary>Takes bytes of TLS, by copy.</summary>
    public void Append(ReadOnlySpan<byte> data) => _buffer.Append(data);

    /// <summary>Writes one CRYPTO frame, as large as there are bytes or room; lost bytes first.</summary>
    /// <returns>False if nothing is pending or the room is too small.</returns>
    public bool TryWriteFrame(scoped ref WireWriter w, SentFrameList sent)
    {
        if (!HasPending)
            return false;
        OffsetRange range = _buffer.HasLost ? _buffer.FirstLost : new OffsetRange(_buffer.Sent, _buffer.End);
        int wanted = (int)Math.Min(range.Length, (ulong)w.Remaining);
        int length = Math.Min(wanted, w.Remaining - CryptoFrame.HeaderLength(range.Start, wanted));
        if (length <= 0)
            return false;
        CryptoFrame.WriteHeader(ref w, range.Start, length);
        _buffer.CopyTo(range.Start, w.Reserve(length));
        _buffer.OnSent(range.Start, length);
        sent.Add(new SentFrame(SentFrameKind.Crypto, 0, range.Start, length, false));
        return true;
    }

    /// <summary>A CRYPTO frame of this level has arrived.</summary>
    public void OnAcked(in SentFrame f) => _buffer.OnAcked(f.Offset, f.Length);

    /// <summary>A CRYPTO frame of this level is lost.</summary>
    public void OnLost(in SentFrame f) => _buffer.OnLost(f.Offset, f.Length);

    /// <summary>The level's keys are gone: nothing of it is sent any more (RFC 9001 section 4.9).</summary>
    public void Dispose() => _buffer.Drop();
}
