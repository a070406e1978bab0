using Microsoft.Win32.SafeHandles;

namespace Punchline.Udp.Linux;

/// <summary>A file descriptor that is closed once, and not while a system call uses it.</summary>
internal sealed class Descriptor : SafeHandleMinusOneIsInvalid
{
    /// <summary>For the marshaller: filled with what a system call returns.</summary>
    public Descriptor()
        : base(ownsHandle: true)
    {
    }

    /// <summary>The number, for an array of descriptors; the caller holds a reference meanwhile.</summary>
    public int Number => (int)handle;

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => Libc.Close((int)handle) == 0;
}
