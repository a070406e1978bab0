using System.CommandLine;

namespace Punchline.Cli.Commands;

/// <summary>A command with the two examples that end its help.</summary>
internal sealed class RoleCommand : Command
{
    public static readonly IReadOnlyList<string> RootExamples =
    [
        "punchline host 25565 --server punch.example.org    shares the Minecraft server of this computer",
        "punchline join punchline1…                         joins a friend's, with the invite they sent",
    ];

    public RoleCommand(string name, string description, Session session, params IReadOnlyList<string> examples)
        : base(name, description)
    {
        Examples = examples;
        Add(session.Common.Json.Option);
        Add(session.Common.Verbose.Option);
    }

    public IReadOnlyList<string> Examples { get; }

    /// <summary>Adds options in the order in which help shows them.</summary>
    public void AddAll(params ReadOnlySpan<Option> options)
    {
        foreach (var option in options)
            Add(option);
    }
}
