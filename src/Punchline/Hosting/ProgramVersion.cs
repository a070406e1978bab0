using System.Reflection;

namespace Punchline.Hosting;

/// <summary>This library's version, as peers and servers are told.</summary>
internal static class ProgramVersion
{
    public static string Text { get; } =
        typeof(ProgramVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";
}
