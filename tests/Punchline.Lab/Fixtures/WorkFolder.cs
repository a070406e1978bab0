namespace Punchline.Lab.Fixtures;

/// <summary>A folder for a program's configuration and files; it goes with the program.</summary>
internal sealed class WorkFolder : IDisposable
{
    private const UnixFileMode ReadableByAll =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    public WorkFolder()
    {
        Path = Directory.CreateTempSubdirectory("punchline-lab-").FullName;
        // Servers give up root and must still read what lies here.
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(Path, ReadableByAll);
    }

    public string Path { get; }

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public string Write(string name, string text)
    {
        File.WriteAllText(this[name], text);
        return this[name];
    }

    /// <summary>A file of bytes that follow from the seed.</summary>
    public string WriteRandom(string name, int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        File.WriteAllBytes(this[name], bytes);
        return this[name];
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
