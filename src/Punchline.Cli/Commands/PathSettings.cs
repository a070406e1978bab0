using Punchline.Cli.Settings;

namespace Punchline.Cli.Commands;

/// <summary>The options of <c>host</c>, <c>join</c> and <c>doctor</c> that say which ways to the other side may be looked for.</summary>
internal sealed class PathSettings
{
    public Flag RelayOnly { get; } = new("--relay-only", "Never show the other side where this one is: everything goes through the server");

    public Flag NoPortMapping { get; } = new("--no-port-mapping", "Do not ask the router for a port (PCP, NAT-PMP, UPnP)");

    public Flag NoSpray { get; } = new("--no-spray", "Never try many ports of a peer whose NAT cannot be met otherwise");

    /// <summary>Adds them to a command.</summary>
    public void AddTo(RoleCommand command) => command.AddAll(RelayOnly.Option, NoPortMapping.Option, NoSpray.Option);
}
