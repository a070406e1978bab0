namespace Punchline.Quic.Recovery;

/// <summary>
/// CUBIC (RFC 9438) with HyStart++ (RFC 9406), in the frame that RFC 9002 section 7 sets for QUIC.
/// <code>
///   window ▲            W_max
///          │     ______/‾‾‾‾‾‾\_    W_cubic(t) = C (t - K)^3 + W_max
///          │   /                     t: since congestion avoidance began, K: when W_max is reached again
///          │  |  0.7 W_max
///          └───────────────────▶ t
/// </code>
/// Reductions start from the window and not from the bytes in flight, as in RFC 9002 appendix B; this is safe because the window
/// does not grow while it is not used (RFC 9438 section 4.6). A loss that later proves spurious is not undone.
/// </summary>
internal sealed class CubicController : ICongestionController
{
    /// <summary>beta_cubic (RFC 9438 section 4.6): what remains of the window after a congestion event.</summary>
    private const double Beta = 0.7;

    /// <summary>C in segments per cubic second (RFC 9438 section 5.1).</summary>
    private const double C = 0.4;

    /// <summary>alpha_cubic (RFC 9438 section 4.3): Reno's growth that, with this beta, has Reno's average.</summary>
    private const double RenoFriendlyAlpha = 3 * (1 - Beta) / (1 + Beta);

    /// <summary>The most by which one round trip may raise the window in congestion avoidance (RFC 9438 section 4.2).</summary>
    private const double MaxGrowthPerRound = 1.5;

    /// <summary>The initial window in datagrams (RFC 9002 section 7.2).</summary>
    private const int InitialWindowDatagrams = 10;

    /// <summary>The limit of the initial window in bytes (RFC 9002 section 7.2).</summary>
    private const int InitialWindowLimit = 14720;

    /// <summary>kMinimumWindow in datagrams (RFC 9002 section 7.2).</summary>
    private const int MinimumWindowDatagrams = 2;

    /// <summary>The window grows no further: 10 Gbit/s over 50 ms. It bounds what a sender has to remember.</summary>
    public const long MaxWindow = 64L << 20;

    private int _datagramSize;
    private double _window;
    private double _threshold = double.PositiveInfinity;
    private Instant? _recoveryStart;
    private HyStart _hyStart;

    // The curve, all windows in bytes (RFC 9438 section 4.1.2).
    private double _maximum;
    private double _prior;
    private double _renoEstimate;
    private double _k;
    private Instant? _epoch;
    private Instant _lastAck;

    /// <summary>A controller for a path that carries datagrams of this size.</summary>
    /// <param name="maxDatagramSize">Bytes of UDP payload, at least 1,200 for a path that QUIC may use.</param>
    public CubicController(int maxDatagramSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxDatagramSize);
        _datagramSize = maxDatagramSize;
        _window = InitialWindow;
    }

    /// <inheritdoc/>
    public long Window => (long)_window;

    /// <inheritdoc/>
    public bool InSlowStart => _window < _threshold;

    /// <summary>The slow start threshold in bytes; null before the first congestion event or the end of the first slow start.</summary>
    public long? SlowStartThreshold => double.IsInfinity(_threshold) ? null : (long)_threshold;

    private double InitialWindow =>
        Math.Min(InitialWindowDatagrams * _datagramSize, Math.Max(InitialWindowLimit, MinimumWindowDatagrams * _datagramSize));

    private double MinimumWindow => MinimumWindowDatagrams * _datagramSize;

    /// <inheritdoc/>
    public void OnPacketSent(Instant now, ulong pn, int bytes, long bytesInFlightAfter)
    {
        _hyStart.OnPacketSent(pn);
        // RFC 9438 section 5.8: time in which nothing was in flight is no time of growth.
        if (bytesInFlightAfter <= bytes)
            SkipTime(now);
    }

    /// <inheritdoc/>
    public void OnPacketAcked(
        Instant now, ulong pn, int bytes, Instant sentAt, RttEstimator rtt, long bytesInFlightBefore, bool applicationLimited)
    {
        // RFC 9002 section 7.3.2: what was sent before the recovery period began says nothing about the reduced window.
        if (_recoveryStart is { } start && sentAt <= start)
            return;
        if (InSlowStart)
            SlowStart(pn, bytes, rtt, applicationLimited);
        else
            AvoidCongestion(now, bytes, rtt, applicationLimited);
        _window = Math.Min(_window, MaxWindow);
    }

    /// <inheritdoc/>
    public void OnCongestionEvent(Instant now, Instant sentAt, bool isEcn)
    {
        // RFC 9002 section 7.3.2: one reduction in each recovery period. A mark weighs as much as a loss (RFC 9438 section 4.6).
        if (_recoveryStart is { } start && sentAt <= start)
            return;
        _recoveryStart = now;
        _prior = _window;
        // RFC 9438 section 4.7, fast convergence: a flow that did not come back to its old maximum gives way to newer flows.
        _maximum = _window < _maximum ? _window * (1 + Beta) / 2 : _window;
        _threshold = Math.Max(_window * Beta, MinimumWindow);
        _window = _threshold;
        _epoch = null;
    }

    /// <inheritdoc/>
    public void OnPersistentCongestion(Instant now)
    {
        // RFC 9002 section 7.6.2 and appendix B.8; then slow start up to the threshold (RFC 9438 section 4.8).
        _window = MinimumWindow;
        _recoveryStart = null;
        _epoch = null;
        // The next congestion avoidance begins with K = 0 and its own window as W_max (RFC 9438 section 4.8).
        _maximum = 0;
    }

    /// <inheritdoc/>
    public void OnDatagramSizeChanged(int maxDatagramSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxDatagramSize);
        // RFC 9002 section 7.2: while the window is still the initial one, it is calculated anew.
        bool untouched = _window == InitialWindow && double.IsInfinity(_threshold);
        _datagramSize = maxDatagramSize;
        _window = untouched ? InitialWindow : Math.Max(_window, MinimumWindow);
    }

    private void SlowStart(ulong pn, int bytes, RttEstimator rtt, bool applicationLimited)
    {
        // RFC 9406 section 4.3: HyStart++ is for the first slow start only, when no threshold is known.
        bool first = double.IsInfinity(_threshold);
        bool exit = first && _hyStart.OnPacketAcked(pn, rtt);
        if (!applicationLimited)
        {
            // RFC 9002 section 7.3.1; RFC 9406 section 4.2 with L = infinity, as sending is paced.
            double grown = _window + (first && _hyStart.IsConservative ? (double)bytes / HyStart.GrowthDivisor : bytes);
            _window = Math.Min(grown, _threshold);
        }
        if (exit)
            _threshold = _window;
    }

    private void AvoidCongestion(Instant now, int bytes, RttEstimator rtt, bool applicationLimited)
    {
        if (_epoch is null)
            StartEpoch(now);
        if (applicationLimited)
        {
            // RFC 9438 section 5.8: neither does the window grow nor does the curve run on.
            SkipTime(now);
            return;
        }
        _lastAck = now;

        double t = (now - _epoch!.Value).TotalSeconds;
        double segments = (double)bytes / _window;
        // Section 4.3: alpha is Reno's own once the estimate is back at the window before the reduction.
        double alpha = _renoEstimate < _prior ? RenoFriendlyAlpha : 1;
        _renoEstimate += alpha * segments * _datagramSize;

        if (Curve(t) < _renoEstimate)
        {
            // Section 4.3, the Reno-friendly region.
            _window = Math.Max(_window, _renoEstimate);
            return;
        }
        // Sections 4.2, 4.4 and 4.5: towards where the curve will be one round trip from now.
        double target = Math.Clamp(Curve(t + rtt.Smoothed.TotalSeconds), _window, _window * MaxGrowthPerRound);
        _window += (target - _window) * segments;
    }

    private void StartEpoch(Instant now)
    {
        _epoch = now;
        _lastAck = now;
        _renoEstimate = _window;
        if (_window >= _maximum)
        {
            // Sections 4.8 and 4.10: no reduction led here, so the curve starts at its plateau.
            _maximum = _window;
            _prior = Math.Max(_prior, _window);
            _k = 0;
            return;
        }
        _k = Math.Cbrt((_maximum - _window) / _datagramSize / C);
    }

    private double Curve(double t)
    {
        double d = t - _k;
        return (C * d * d * d * _datagramSize) + _maximum;
    }

    /// <summary>Takes the time since the last acknowledgement out of the curve's time.</summary>
    private void SkipTime(Instant now)
    {
        if (_epoch is { } epoch)
            _epoch = epoch + (now - _lastAck);
        _lastAck = now;
    }
}
