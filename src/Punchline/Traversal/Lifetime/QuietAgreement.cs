using Punchline.Quic;

namespace Punchline.Traversal.Lifetime;

/// <summary>
/// How long a connection may be silent (docs/wire/tunnel.md, QUIET): what the NATs of both sides bear on the path in use, the smaller of the two.
/// </summary>
internal sealed class QuietAgreement
{
    /// <summary>The most, in seconds: beyond five minutes nothing is gained, and a dead peer would hold its place for ever longer.</summary>
    public const int MaxSeconds = 300;

    private TimeSpan _peer;
    private ushort _told;

    /// <summary>How long both may be silent; zero as long as either does not know.</summary>
    public TimeSpan Quiet { get; private set; }

    /// <summary>The peer's word. It may be as large as it likes: ours counts, too.</summary>
    public void OnPeer(ushort seconds) => _peer = TimeSpan.FromSeconds(seconds);

    /// <summary>Looks at what our side bears now.</summary>
    /// <param name="own">Zero if it is not known.</param>
    /// <param name="word">What the peer is to be told.</param>
    /// <returns>True if it is to be told something else than before.</returns>
    public bool Look(TimeSpan own, out ushort word)
    {
        word = (ushort)Math.Clamp(Math.Floor(own.TotalSeconds), 0, MaxSeconds);
        TimeSpan said = TimeSpan.FromSeconds(word);
        Quiet = said < _peer ? said : _peer;
        bool isNews = word != _told;
        _told = word;
        return isNews;
    }
}
