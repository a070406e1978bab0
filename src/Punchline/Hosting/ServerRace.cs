using Punchline.Endpoint;
using Punchline.Quic;

namespace Punchline.Hosting;

/// <summary>A connection that may be used, or not.</summary>
internal interface IRacer
{
    /// <summary>It is.</summary>
    void Use();

    /// <summary>Another one is.</summary>
    void GiveWay();
}

/// <summary>
/// Which of an invite's servers a client uses, if several lead to its host: the one nearest to both, that is, the shortest round trip from
/// client to host by way of the server, as the handshakes have measured it. The first connection that stands waits a little for the others,
/// as the order in which they come tells more of the way to the server than of the whole. Driver thread only.
/// </summary>
internal sealed class ServerRace(IDriver driver, int attempts) : IDriverTimer
{
    /// <summary>
    /// Round trips from the start of all by which an attempt is through: TCP, the upgrade, OPEN, and the handshake. An attempt by way of a
    /// nearer server has had its chance when so many of the others' have passed.
    /// </summary>
    private const int RoundTripsOfAttempt = 5;

    /// <summary>The longest wait for others; it is a human who waits.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(250);

    private readonly Instant _start = driver.Now;
    private readonly List<(IRacer Racer, TimeSpan RoundTrip)> _finished = [];
    private int _running = attempts;
    private bool _isDecided;

    /// <inheritdoc/>
    public Instant NextTimeout { get; private set; } = Instant.Never;

    /// <summary>An attempt has come through.</summary>
    public void OnEstablished(IRacer racer, TimeSpan roundTrip)
    {
        if (_isDecided)
        {
            racer.GiveWay();
            return;
        }
        _finished.Add((racer, roundTrip));
        if (!NextTimeout.IsSet)
        {
            NextTimeout = DeadlineFor(_start, driver.Now, roundTrip);
            driver.AddTimer(this);
        }
        DecideIfAllAreIn();
    }

    /// <summary>A server's attempts have failed for good.</summary>
    public void OnFailed()
    {
        _running--;
        DecideIfAllAreIn();
    }

    /// <summary>A connection that had come through has ended.</summary>
    public void OnClosed(IRacer racer) => _finished.RemoveAll(other => other.Racer == racer);

    /// <inheritdoc/>
    public void OnTimeout(Instant now) => Decide();

    /// <summary>Until when the first waits for the others. Pure.</summary>
    /// <param name="start">Of all attempts.</param>
    /// <param name="now">When the first is through.</param>
    /// <param name="roundTrip">By way of its server.</param>
    internal static Instant DeadlineFor(Instant start, Instant now, TimeSpan roundTrip) =>
        Instant.Max(now, Instant.Min(now + Patience, start + (RoundTripsOfAttempt * roundTrip)));

    private void DecideIfAllAreIn()
    {
        if (_finished.Count >= _running)
            Decide();
    }

    private void Decide()
    {
        NextTimeout = Instant.Never;
        driver.RemoveTimer(this);
        if (_isDecided || _finished.Count == 0)
            return;
        _isDecided = true;
        IRacer best = _finished.MinBy(entry => entry.RoundTrip).Racer;
        foreach ((IRacer racer, _) in _finished.ToArray())
        {
            if (racer != best)
                racer.GiveWay();
        }
        best.Use();
    }
}
