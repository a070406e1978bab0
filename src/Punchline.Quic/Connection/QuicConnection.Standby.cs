using Punchline.Quic.Paths;

namespace Punchline.Quic;

/// <content>The direct path that is second best is kept open for the day when the best one fails (docs/wire/punch.md section 5.3).</content>
public sealed partial class QuicConnection
{
    /// <summary>Where nothing else was agreed on: under the lifetimes of nearly all NATs (RFC 8445 section 11).</summary>
    private static readonly TimeSpan StandbyInterval = TimeSpan.FromSeconds(15);

    private readonly StandbyKeeper _standby = new();

    /// <summary>Up to then the peer was silent by another <see cref="StandbyDistance"/>.</summary>
    private Instant _standbyDistanceSince = Instant.Zero;

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
        _standby.Choose(_now, best, StandbyDistance);
    }

    private TimeSpan StandbyDistance => _liveness.Quiet > TimeSpan.Zero ? Larger(_liveness.Quiet, StandbyKeeper.Repeat) : StandbyInterval;

    /// <summary>Another silence may have been agreed on.</summary>
    /// <param name="before">The distance up to now.</param>
    private void OnStandbyDistance(TimeSpan before)
    {
        if (StandbyDistance == before)
            return;
        _standbyDistanceSince = _now;
        _standby.Hasten(_now, StandbyDistance);
    }

    private void KeepStandby()
    {
        if (_standby.Path is not { } standby)
            return;
        switch (_standby.OnDue(_now, StandbyDistance))
        {
            case StandbyStep.Probe:
                standby.IsKeptOpen = true;
                standby.Schedule.Start(_now, 1, ProbingRtt);
                break;
            case StandbyStep.Failed:
                standby.Stage = PathStage.Failed;
                _peerIds.Release(standby);
                TracePath(standby, "failed");
                ReconsiderPaths();
                break;
        }
    }
}
