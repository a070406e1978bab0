namespace Punchline.Lab.Driver;

/// <summary>Finds programs as a shell would, and in the folders of system programs as well.</summary>
internal static class Programs
{
    private static readonly string[] SystemFolders = ["/usr/sbin", "/sbin", "/usr/local/sbin"];

    /// <summary>The program's file, or null.</summary>
    public static string? Find(string name) =>
        name.Contains('/', StringComparison.Ordinal)
            ? name
            : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
                .Concat(SystemFolders)
                .Select(folder => Path.Combine(folder, name))
                .FirstOrDefault(File.Exists);
}
