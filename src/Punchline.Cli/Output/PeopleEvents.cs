using System.Globalization;

using Punchline.Quic;

namespace Punchline.Cli.Output;

/// <summary>Events as lines for people: what they wait for on standard output, problems and details on standard error.</summary>
internal sealed class PeopleEvents(TextWriter output, TextWriter errors, bool colour, bool details) : IEventOutput
{
    private const string Green = "\e[32m";
    private const string Yellow = "\e[33m";
    private const string Bold = "\e[1m";
    private const string Plain = "\e[0m";

    /// <summary>Of the longest name of a finding, and one behind it.</summary>
    private const int FindingWidth = 17;

    private readonly Lock _gate = new();

    /// <summary>Colour only where a person looks at a terminal that knows it, and has not said NO_COLOR (no-color.org).</summary>
    public static bool WantsColour(CliHost host) =>
        host.OutputIsTerminal
        && host.Variable("NO_COLOR") is null or ""
        && host.Variable("TERM") != "dumb"
        && (!OperatingSystem.IsWindows() || host.Variable("WT_SESSION") is not null);

    public void Report(PunchlineEvent value)
    {
        lock (_gate)
        {
            switch (value)
            {
                case ServerReady ready:
                    Say($"Listening on {ready.Listen}, UDP and TCP.", Green);
                    break;
                case HostReady ready:
                    Say($"Registered at {ready.Server}: friends can join.", Green);
                    break;
                case InviteCreated created:
                    Say("Send this line to your friends; it lets them in, so send it to nobody else:");
                    Say("");
                    Say($"    punchline join {created.Invite}", Bold);
                    Say("");
                    Say($"In the game they enter 127.0.0.1:{ClientOptions.DefaultPort}, or what their side prints.");
                    break;
                case Listening { IsKnown: false } listening:
                    Say($"Listening on {listening.Address} already; the host will tell what is there.");
                    break;
                case Listening listening:
                    Say($"{listening.Service}: enter {listening.Address} in the game ({EventWords.Of(listening.Protocol)}).", Bold);
                    break;
                case PeerJoined joined:
                    Say($"{joined.Peer} joined.", Green);
                    break;
                case PeerLeft left:
                    Say($"{left.Peer} left: {left.Reason}.");
                    break;
                case PathChanged path:
                    Say(string.Create(CultureInfo.InvariantCulture, $"{path.Peer}: {KindOf(path)} {path.Remote}, round trip {path.RoundTripTime.TotalMilliseconds:0.0} ms."));
                    break;
                case StaysRelayed relayed:
                    Say($"{relayed.Peer}: relayed, because {relayed.Because}; to go direct: {relayed.Advice}.{Terms(relayed)}", Yellow);
                    break;
                case Progress progress:
                    Say(Text(progress), progress.Stage == ProgressStage.Connected ? Green : null);
                    break;
                case Transferred transferred:
                    Say(string.Create(
                        CultureInfo.InvariantCulture,
                        $"{transferred.What}: {transferred.Bytes:N0} bytes in {transferred.Duration.TotalSeconds:0.000} s{Rate(transferred)}."));
                    break;
                case NetworkExamined examined:
                    foreach (var finding in examined.Findings)
                        Say($"{finding.Name,-FindingWidth} {finding.Meaning}");
                    Say("");
                    Say("With a friend whose network is", Bold);
                    foreach (var expectation in examined.Expectations)
                        Say($"  {expectation.Friend}: {Text(expectation.Meeting)}", expectation.Meeting == Meeting.Relayed ? Yellow : Green);
                    Say("");
                    Say($"What would help most: {examined.Advice}.", Bold);
                    break;
                case PairExamined pair:
                    foreach (var (line, isMain) in PairText.Of(pair))
                        Say(line, isMain ? Bold : null);
                    break;
                case Notice notice:
                    Say(notice.Message, Yellow);
                    break;
                case Problem problem:
                    errors.WriteLine(problem.Message);
                    break;
                case Detail detail when details:
                    errors.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{detail.Time.UtcDateTime:HH:mm:ss.fff} {detail.Message}"));
                    break;
            }
        }
    }

    public void Failure(DateTimeOffset time, string code, string message, ExitCode exitCode)
    {
        // The line on standard error that the command line writes in any case is all that people need.
    }

    private static string KindOf(PathChanged path) => path.Kind == PathKind.Direct ? "direct path to" : "through the server";

    // A small file's time is all round trips.
    private static string Rate(Transferred transferred) => transferred.Bytes < 1_000_000
        ? "" : string.Create(CultureInfo.InvariantCulture, $", {EventWords.MegabitsPerSecond(transferred):0} Mbit/s");

    private static string Terms(StaysRelayed relayed) => relayed.BytesPerSecond == 0
        ? "" : string.Create(CultureInfo.InvariantCulture, $" The server relays up to {relayed.BytesPerSecond * 8 / 1e6:0.#} Mbit/s.");

    private static string Text(Progress progress)
    {
        var doing = progress.Stage switch
        {
            ProgressStage.Examining => "Examining",
            ProgressStage.ReachingServer => "Reaching the server",
            ProgressStage.ReachingHost => "Reaching the host",
            ProgressStage.Punching => "Punching a hole",
            _ => "Connected",
        };
        return progress.Detail.Length == 0 ? $"{doing}." : $"{doing}: {progress.Detail}.";
    }

    private static string Text(Meeting meeting) => meeting switch
    {
        Meeting.Direct => "direct at once",
        Meeting.Foretold => "direct, by foretelling a port",
        Meeting.Guessed => "direct as a rule, after some seconds of trying ports",
        _ => "through the server",
    };

    private void Say(string line, string? style = null) =>
        output.WriteLine(colour && style is not null ? $"{style}{line}{Plain}" : line);
}
