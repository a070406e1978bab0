namespace Punchline.Udp.Linux;

/// <summary>The error numbers of Linux (asm-generic: x64 and arm64) that these sockets meet.</summary>
internal enum Errno
{
    /// <summary>No error.</summary>
    None = 0,

    /// <summary>EPERM: a local firewall rule dropped the datagram.</summary>
    NotPermitted = 1,

    /// <summary>EINTR: a signal came first.</summary>
    Interrupted = 4,

    /// <summary>EIO: the device cannot do segmentation (no checksum offload, or IPsec on the route).</summary>
    InputOutput = 5,

    /// <summary>EBADF: our own mistake.</summary>
    BadDescriptor = 9,

    /// <summary>EAGAIN: nothing there, or no room.</summary>
    Again = 11,

    /// <summary>ENOMEM: the kernel is short of memory now.</summary>
    NoMemory = 12,

    /// <summary>EACCES: a broadcast address, or a prohibiting route; on binding a privileged port.</summary>
    AccessDenied = 13,

    /// <summary>EFAULT: our own mistake.</summary>
    BadAddress = 14,

    /// <summary>EINVAL: the source address is not ours any more, port 0, or segmentation that this socket cannot do.</summary>
    InvalidArgument = 22,

    /// <summary>EPROTO: an ICMP error of no better name.</summary>
    Protocol = 71,

    /// <summary>ENOTSOCK: our own mistake.</summary>
    NotSocket = 88,

    /// <summary>EMSGSIZE: larger than the device's MTU, or than UDP can be.</summary>
    MessageSize = 90,

    /// <summary>ENOPROTOOPT: an option that this kernel does not know; also ICMP "protocol unreachable".</summary>
    NoProtocolOption = 92,

    /// <summary>EOPNOTSUPP: ICMP "source route failed".</summary>
    NotSupported = 95,

    /// <summary>EAFNOSUPPORT: no such address family on this machine.</summary>
    AddressFamilyNotSupported = 97,

    /// <summary>EADDRINUSE.</summary>
    AddressInUse = 98,

    /// <summary>EADDRNOTAVAIL: not an address of this machine.</summary>
    AddressNotAvailable = 99,

    /// <summary>ENETDOWN.</summary>
    NetworkDown = 100,

    /// <summary>ENETUNREACH.</summary>
    NetworkUnreachable = 101,

    /// <summary>ECONNRESET.</summary>
    ConnectionReset = 104,

    /// <summary>ENOBUFS: the device's queue dropped the datagram.</summary>
    NoBufferSpace = 105,

    /// <summary>ECONNREFUSED: ICMP "port unreachable".</summary>
    ConnectionRefused = 111,

    /// <summary>EHOSTDOWN.</summary>
    HostDown = 112,

    /// <summary>EHOSTUNREACH.</summary>
    HostUnreachable = 113,
}
