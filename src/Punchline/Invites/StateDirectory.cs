namespace Punchline.Invites;

/// <summary>
/// A directory of small secret files: readable by their owner alone, and replaced as a whole (a new file, flushed, then renamed over
/// the old one), so that a crash leaves either the old or the new content.
/// </summary>
internal sealed class StateDirectory
{
    /// <summary>Our files are a few kilobytes; one of megabytes is not ours.</summary>
    private const int MaxFileLength = 4 << 20;

    private const UnixFileMode OwnerFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OwnerDirectory = OwnerFile | UnixFileMode.UserExecute;

    /// <summary>Opens the directory, and makes it if it is not there.</summary>
    /// <exception cref="StateFileException">It cannot be made.</exception>
    public StateDirectory(string path)
    {
        FullPath = Path.GetFullPath(path);
        try
        {
            if (OperatingSystem.IsWindows())
                Directory.CreateDirectory(FullPath);
            else
                Directory.CreateDirectory(FullPath, OwnerDirectory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StateFileException(FullPath, "the state directory cannot be made: " + e.Message, e);
        }
    }

    public string FullPath { get; }

    public string PathOf(string name) => Path.Combine(FullPath, name);

    /// <summary>The content of a file; null if there is none.</summary>
    /// <exception cref="StateFileException">It is there but cannot be read.</exception>
    public byte[]? Read(string name)
    {
        string path = PathOf(name);
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            if (file.Length > MaxFileLength)
                throw new StateFileException(path, "it is too large to be ours", null);
            byte[] content = new byte[(int)file.Length];
            file.ReadExactly(content);
            return content;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception e) when (e is not StateFileException && e is IOException or UnauthorizedAccessException)
        {
            throw new StateFileException(path, "it cannot be read: " + e.Message, e);
        }
    }

    /// <summary>Replaces a file by new content.</summary>
    /// <exception cref="StateFileException">It cannot be written; the old content stands.</exception>
    public void Write(string name, ReadOnlySpan<byte> content)
    {
        string path = PathOf(name);
        string temporary = path + "." + Path.GetRandomFileName();
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None };
            if (!OperatingSystem.IsWindows())
                options.UnixCreateMode = OwnerFile;
            using (var file = new FileStream(temporary, options))
            {
                file.Write(content);
                file.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            TryDelete(temporary);
            throw new StateFileException(path, "it cannot be written: " + e.Message, e);
        }
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The caller is already told why writing failed; a left-over temporary file does no harm.
        }
    }
}
