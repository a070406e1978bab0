namespace Punchline.Invites;

/// <summary>
/// A directory of small secret files: readable by their owner alone, and replaced as a whole (a new file, flushed, then renamed over
/// the old one), so that a crash leaves either the old or the new content, and a power loss does not bring back the old. Its locks
/// are the system's: they end with the process.
/// </summary>
internal sealed class StateDirectory
{
    /// <summary>Our files are a few kilobytes; one of megabytes is not ours.</summary>
    private const int MaxFileLength = 4 << 20;

    /// <summary>Held by a host as long as it runs: its invites and friends have one master.</summary>
    public const string HostLock = "host.lock";

    /// <summary>Held for a moment while a file that several processes change is read and written anew.</summary>
    public const string ChangeLock = "change.lock";

    /// <summary>Others hold <see cref="ChangeLock"/> for one write to the disk each: this is beyond any number of them.</summary>
    private static readonly TimeSpan ChangeLockPatience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan ChangeLockPause = TimeSpan.FromMilliseconds(20);

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

    /// <summary>Takes a lock.</summary>
    /// <returns>Disposed, it is free again. Null if another process, or this one, holds it.</returns>
    /// <exception cref="StateFileException">The lock's file cannot be made.</exception>
    public IDisposable? TryLock(string name)
    {
        string path = PathOf(name);
        var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = OwnerFile;
        try
        {
            // FileShare.None is an advisory flock on Unix.
            return new FileStream(path, options);
        }
        catch (IOException e) when (IsHeldByAnother(e))
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StateFileException(path, "it cannot be locked: " + e.Message, e);
        }
    }

    /// <summary>Takes <see cref="ChangeLock"/>, and waits for it if it must.</summary>
    /// <exception cref="StateFileException">It cannot be had.</exception>
    public async Task<IDisposable> LockChangesAsync(TimeProvider time)
    {
        long start = time.GetTimestamp();
        while (true)
        {
            if (TryLock(ChangeLock) is { } held)
                return held;
            if (time.GetElapsedTime(start) > ChangeLockPatience)
                throw new StateFileException(PathOf(ChangeLock), "another program holds this lock and does not let it go", null);
            await Task.Delay(ChangeLockPause, time).ConfigureAwait(false);
        }
    }

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
            // The new name is on the disk only when the directory is (fsync(2), notes).
            if (!OperatingSystem.IsWindows())
                UnixDirectory.Flush(FullPath);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            TryDelete(temporary);
            throw new StateFileException(path, "it cannot be written: " + e.Message, e);
        }
    }

    // ERROR_SHARING_VIOLATION, or EWOULDBLOCK of Linux and macOS.
    private static bool IsHeldByAnother(IOException e) => e.HResult == (OperatingSystem.IsWindows() ? unchecked((int)0x8007_0020) : OperatingSystem.IsMacOS() ? 35 : 11);

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
