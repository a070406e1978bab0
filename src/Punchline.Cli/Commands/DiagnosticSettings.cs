using System.CommandLine;
using Punchline.Cli.Settings;

namespace Punchline.Cli.Commands;

/// <summary>The options of <c>host</c>, <c>join</c> and <c>demo</c> that have connections written down, for qlog tools and Wireshark.</summary>
internal sealed class DiagnosticSettings
{
    public Setting<string> Qlog { get; } = new("--qlog", "DIR", "Write a qlog file of each connection to this folder", Session.Text);

    public Setting<string> KeyLog { get; } = new(
        "--keylog", "FILE", "Add the TLS secrets of each connection to this file, for Wireshark: whoever has it can read the traffic", Session.Text);

    /// <summary>Adds them to a command.</summary>
    public void AddTo(RoleCommand command) => command.AddAll(Qlog.Option, KeyLog.Option);
}
