using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace Punchline.Invites;

/// <summary>What the base library cannot do with a directory: bring its entries to the disk.</summary>
[UnsupportedOSPlatform("windows")]
internal static partial class UnixDirectory
{
    /// <summary>Waits until the names in a directory are on the disk as they are now.</summary>
    /// <exception cref="IOException">The system refuses.</exception>
    public static void Flush(string path)
    {
        // 0 is O_RDONLY everywhere. The descriptor is closed before anybody could start a program that inherits it for long.
        using SafeFileHandle directory = Open(path, flags: 0);
        if (directory.IsInvalid)
        {
            int error = Marshal.GetLastPInvokeError();
            throw new IOException($"{path}: {new Win32Exception(error).Message}", error);
        }
        RandomAccess.FlushToDisk(directory);
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags);
}
