namespace Punchline.Cli.Output;

/// <summary>Passes events on, and does something of its own with each; what fails there becomes a notice.</summary>
internal sealed class FollowedEvents(IProgress<PunchlineEvent> next, Action<PunchlineEvent> follow) : IProgress<PunchlineEvent>
{
    public void Report(PunchlineEvent value)
    {
        next.Report(value);
        try
        {
            follow(value);
        }
        catch (PunchlineException e)
        {
            next.Report(new Notice(value.Time, e.Message));
        }
    }
}
