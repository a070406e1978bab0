using Punchline.Quic.Paths;

namespace Punchline.Quic;

/// <content>The direct path that is second best is kept open for the day when the best one fails (docs/wire/punch.md section 5.3).</content>
public sealed partial class QuicConnection
{
    /// <summary>Where nothing else was agreed on: under the lifetimes of nearly all NATs (RFC 8445 section 11).</summary>
    private static readonly TimeSpan StandbyInterval = TimeSpan.FromSeconds(15);

    /// <summary>After a probe without an answer.</summary>
    private static readonly TimeSpan StandbyRepeat = TimeSpan.FromSeconds(5);

    /// <summary>So many in a row without an answer, and it is no path any more.</summary>
    private const int StandbyMisses = 3;

    private PathState? _standby;
    private Instant _standbyAt = Instant.Never;
    private Instant _standbyProbedAt;
    private int _standbyMisses;

    /// <summary>One is enough: beyond it there is the server's path.</summary>
    private void ChooseStandby()
    {
        PathState? best = null;
        for (int i = 0; i < _paths.Count; i++)
        {
            PathState state = _paths[i];
            if (state == _paths.Current || !state.IsDirect || state.IsLeaving || !Rate(state).IsUsable)
                continue;
            if (best is null || PathChooser.ShouldSwitch(Rate(best), Rate(state)))
                best = state;
        }
        if (best == _standby)
            return;
        (_standby, _standbyMisses) = (best, 0);
        _standbyAt = best is null ? Instant.Never : _now + StandbyDistance;
    }

    private TimeSpan StandbyDistance => _liveness.Quiet > TimeSpan.Zero ? Larger(_liveness.Quiet, StandbyRepeat) : StandbyInterval;

    private void KeepStandby()
    {
        if (_now < _standbyAt || _standby is not { } standby)
            return;
        // Whatever came counts, as data that came late or the peer's own probes do.
        _standbyMisses = _standbyProbedAt > standby.HeardAt ? _standbyMisses + 1 : 0;
        if (_standbyMisses >= StandbyMisses)
        {
            standby.Stage = PathStage.Failed;
            TracePath(standby, "failed");
            ReconsiderPaths();
            return;
        }
        _standbyProbedAt = _now;
        // The first probe of a row is repeated soon if there is no answer; else the next is due at the usual distance from what was heard.
        _standbyAt = _now + (_standbyMisses > 0 ? StandbyRepeat : StandbyDistance);
        standby.IsKeptOpen = true;
        standby.Schedule.Start(_now, 1, ProbingRtt);
    }
}
