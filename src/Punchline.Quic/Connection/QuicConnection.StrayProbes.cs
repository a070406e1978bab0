using Punchline.Quic.Paths;

namespace Punchline.Quic;

/// <content>Opening probes to where the peer may be and mostly is not: ports of a NAT that were foretold or guessed (docs/wire/punch.md section 5.4).</content>
public sealed partial class QuicConnection
{
    /// <summary>Keeps account of all of them, as no path is kept for any: those that come to nothing must not be weighed against a path that lives.</summary>
    private PathState? _stray;

    /// <summary>
    /// Writes one opening probe for a path that the connection does not keep. If it opens the way, the peer's packets come in on that path and make
    /// it known. Who calls this keeps to docs/wire/punch.md section 7: the core does not count.
    /// </summary>
    /// <param name="now">The time.</param>
    /// <param name="path">Where it goes; a direct path.</param>
    /// <param name="buffer">At least 100 bytes.</param>
    /// <param name="length">Bytes written.</param>
    /// <returns>False if the connection is not confirmed, the peer has no <c>punch</c>, or has left no connection id to spare.</returns>
    public bool TryWriteProbe(Instant now, NetworkPath path, Span<byte> buffer, out int length)
    {
        ArgumentNullException.ThrowIfNull(path);
        length = 0;
        _now = now;
        if (!_close.IsOpen || !_isConfirmed || !PunchAgreed || path.Kind != PathKind.Direct
            || Space(PacketNumberSpace.Application).NextNumber >= LastNumber || !_peerIds.TryGetForOpeningProbes(out ConnectionId destination))
        {
            return false;
        }
        _stray ??= NewPath(path, PathStage.Failed, isPair: false);
        _batchCount = 0;
        _mark = false;
        length = WriteProbe(_stray, path, destination, full: false, response: null, DrawChallenge(), buffer);
        ProtectHeaders(buffer);
        return true;
    }
}
