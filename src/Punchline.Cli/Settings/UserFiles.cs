using System.Text;

namespace Punchline.Cli.Settings;

/// <summary>Small files of the user's: read with a bound, written whole or not at all, readable by nobody else.</summary>
internal static class UserFiles
{
    /// <summary>Invites and passwords are far smaller: what is larger is a wrong file.</summary>
    private const int MaxBytes = 64 * 1024;

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OwnerFolder = OwnerOnly | UnixFileMode.UserExecute;

    /// <summary>The text of a file.</summary>
    /// <exception cref="PunchlineException"><see cref="ProblemCode.State"/>.</exception>
    /// <param name="path">Where it is.</param>
    /// <param name="maxBytes">What is larger is a wrong file.</param>
    public static string Read(string path, int maxBytes = MaxBytes)
    {
        try
        {
            using var file = File.OpenRead(path);
            var buffer = new byte[maxBytes + 1];
            var length = file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
            return length <= maxBytes
                ? Encoding.UTF8.GetString(buffer, 0, length)
                : throw new PunchlineException(ProblemCode.State, $"{path} is too large to be what is wanted here");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new PunchlineException(ProblemCode.State, $"cannot read {path}: {e.Message}", e);
        }
    }

    /// <summary>The same, null if there is none.</summary>
    public static string? ReadIfThere(string path) => File.Exists(path) ? Read(path) : null;

    /// <summary>Replaces a file by way of another beside it, so that nobody sees half of it.</summary>
    /// <exception cref="PunchlineException"><see cref="ProblemCode.State"/>.</exception>
    public static void Write(string path, string text)
    {
        try
        {
            var full = Path.GetFullPath(path);
            MakeFolder(Path.GetDirectoryName(full)!);
            // New, and under a name that nobody can guess: in a folder that others may write to, a link or a file of theirs that
            // waits there is neither followed nor filled.
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
                options.UnixCreateMode = OwnerOnly;
            var beside = $"{full}.{Path.GetRandomFileName()}";
            using (var file = new FileStream(beside, options))
                file.Write(Encoding.UTF8.GetBytes(text));
            try
            {
                File.Move(beside, full, overwrite: true);
            }
            catch
            {
                File.Delete(beside);
                throw;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new PunchlineException(ProblemCode.State, $"cannot write {path}: {e.Message}", e);
        }
    }

    private static void MakeFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(folder);
        else if (!Directory.Exists(folder))
            Directory.CreateDirectory(folder, OwnerFolder);
    }
}
