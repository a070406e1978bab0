namespace Punchline.Diagnostics;

/// <summary>Files of qlog and of secrets: for their owner alone, whatever the process's umask is.</summary>
internal static class DiagnosticFile
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OwnerFolder = OwnerOnly | UnixFileMode.UserExecute;

    /// <summary>A new file; one that is there already is nobody's to overwrite.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be made.</exception>
    public static FileStream Create(string path) => Open(path, FileMode.CreateNew);

    /// <summary>A file to append to. One that others can read is refused: what goes there is secret.</summary>
    /// <exception cref="IOException">It cannot be opened, or others may read it.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be opened.</exception>
    public static FileStream Append(string path)
    {
        FileStream file = Open(path, FileMode.OpenOrCreate);
        if (OperatingSystem.IsWindows() || (File.GetUnixFileMode(file.SafeFileHandle) & ~(OwnerOnly | OwnerFolder)) == UnixFileMode.None)
            return file;
        file.Dispose();
        throw new IOException("others may read this file; make it its owner's alone (chmod 600), or name a new one");
    }

    /// <summary>Makes a folder for its owner alone, if it is not there.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be made.</exception>
    public static void MakeFolder(string path)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(path);
        else
            Directory.CreateDirectory(path, OwnerFolder);
    }

    private static FileStream Open(string path, FileMode mode)
    {
        // Unbuffered, as both writers bring whole lines or larger pieces. Others may read along: Wireshark does.
        var options = new FileStreamOptions { Mode = mode, Access = FileAccess.Write, Share = FileShare.ReadWrite, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = OwnerOnly;
        return new FileStream(path, options);
    }
}
