namespace Punchline.Testing;

/// <summary>The working tree in which the tests were built.</summary>
public static class WorkingTree
{
    /// <summary>The folder that holds the solution, found upwards from the test program.</summary>
    public static string Root { get; } = Find();

    /// <summary>A file or folder of it.</summary>
    /// <param name="path">Relative to the root.</param>
    public static string At(params ReadOnlySpan<string> path) => Path.Combine([Root, .. path]);

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Punchline.slnx")))
                return folder.FullName;
        }
        throw new InvalidOperationException($"no Punchline.slnx above {AppContext.BaseDirectory}");
    }
}
