using Punchline.Quic.Paths;

namespace Punchline.Quic;

/// <content>What is known of the ways to the peer, for whoever explains why data goes where it goes.</content>
public sealed partial class QuicConnection
{
    /// <summary>Everything at this moment; a copy.</summary>
    internal ProbingReport ReportProbing(Instant now)
    {
        _now = now;
        var paths = new PathReport[_paths.Count];
        for (int i = 0; i < paths.Length; i++)
        {
            PathState state = _paths[i];
            paths[i] = new PathReport(state.Network, state.Stage, Rate(state), state.Tally)
            {
                IsCurrent = state == _paths.Current,
                IsPair = state.IsPair,
                IsProven = state.IsAddressValidated,
                WasValidated = state.WasValidated,
                IsBeingProbed = !state.IsValidated && state.Schedule.NextAt.IsSet,
                IsPaused = IsPaused(state),
            };
        }
        return new ProbingReport(_startedAt, _puncher.Round, _localCandidates.Live(), _remoteCandidates.Live(), paths);
    }
}
