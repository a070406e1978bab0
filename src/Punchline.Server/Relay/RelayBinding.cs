using Punchline.Quic;

namespace Punchline.Server.Relay;

/// <summary>One end of forwarding: a handle, its key, and the address that was bound to it. The address belongs to the UDP loop alone.</summary>
internal sealed class RelayBinding(ulong handle, byte[] key)
{
    public ulong Handle { get; } = handle;

    /// <summary>16 bytes.</summary>
    public byte[] Key { get; } = key;

    /// <summary>None until a BIND was accepted.</summary>
    public UdpAddress Address { get; set; }

    /// <summary>Our own address that the BIND reached: answers leave from there.</summary>
    public UdpAddress Local { get; set; }

    public ulong LastSequence { get; set; }
}
