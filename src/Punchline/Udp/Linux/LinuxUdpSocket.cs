using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Versioning;
using Punchline.Quic;

namespace Punchline.Udp.Linux;

/// <summary>
/// A UDP socket on Linux: whole batches by segmentation offload (UDP_SEGMENT, UDP_GRO), the local address by control message
/// in both directions (PKTINFO), ECN and hop limit for each datagram.
/// </summary>
/// <remarks>
/// What a kernel or a device lacks is found once: an option that cannot be set at the start, or segmentation that fails on use
/// and is then off for this socket.
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed unsafe class LinuxUdpSocket : IUdpSocket
{
    /// <summary>Segments in one send: the kernel's UDP_MAX_SEGMENTS since 4.18 (128 only in newest ones).</summary>
    private const int KernelMaxSegments = 64;

    /// <summary>ECT(0) in the two low bits of the type of service (RFC 3168 section 5).</summary>
    private const int EctZero = 0b10;

    /// <summary>The two ECN bits; both set mean Congestion Experienced.</summary>
    private const int EcnMask = 0b11;

    /// <summary>in_pktinfo: interface(4), local address(4), header's destination(4).</summary>
    private const int InetInfoLength = 12;

    /// <summary>in6_pktinfo: address(16), interface(4).</summary>
    private const int Inet6InfoLength = 20;

    /// <summary>Room for packet info, type of service, hop limit and segment size: 112 bytes at most.</summary>
    private const int ControlRoom = 128;

    /// <summary>
    /// An ICMP error that waits in the socket belongs to an earlier datagram and goes away when a call reports it:
    /// that call is made again, at most this often.
    /// </summary>
    private const int MaxPendingErrors = 4;

    private readonly Descriptor _descriptor;
    private readonly bool _isIPv4;
    private bool _segmentation;

    /// <summary>Binds a socket. See <see cref="UdpPlatform.Bind"/>.</summary>
    public LinuxUdpSocket(in UdpAddress local)
    {
        if (local.IsNone)
            throw new ArgumentException("A socket needs an address of a family.", nameof(local));
        _isIPv4 = local.IsIPv4;
        _descriptor = Libc.Socket(
            _isIPv4 ? Libc.FamilyInet : Libc.FamilyInet6,
            Libc.TypeDatagram | Libc.TypeNonBlocking | Libc.TypeCloseOnExec,
            protocol: 0);
        if (_descriptor.IsInvalid)
            throw LinuxUdpPlatform.Failure(Libc.LastError);
        try
        {
            Configure();
            LocalAddress = BindTo(local);
        }
        catch
        {
            _descriptor.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public UdpAddress LocalAddress { get; }

    /// <inheritdoc/>
    public int MaxSegments => _segmentation ? KernelMaxSegments : 1;

    /// <summary>The socket's descriptor, for the poller.</summary>
    internal Descriptor Descriptor => _descriptor;

    /// <inheritdoc/>
    public UdpSendStatus Send(
        in UdpAddress remote, in UdpAddress local, ReadOnlySpan<byte> batch, int segmentSize, bool ect0, byte timeToLive)
    {
        if (remote.IsNone || remote.IsIPv4 != _isIPv4 || (!local.IsNone && local.IsIPv4 != _isIPv4))
            return UdpSendStatus.Unreachable;
        if (batch.Length <= segmentSize)
            return StatusOf(Transmit(remote, local, batch, segmentSize: 0, ect0, timeToLive));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(segmentSize);

        bool suspect = false;
        if (_segmentation && batch.Length <= (long)segmentSize * KernelMaxSegments)
        {
            Errno error = Transmit(remote, local, batch, segmentSize, ect0, timeToLive);
            // EIO: the device has no checksum offload, or IPsec is on the route. EINVAL: this socket cannot; but a segment above
            // the MTU (kernels before 6.13) or a vanished source address say EINVAL too. A datagram alone will tell.
            suspect = error is Errno.InputOutput or Errno.InvalidArgument;
            if (!suspect)
                return StatusOf(error);
        }
        return SendEach(remote, local, batch, segmentSize, ect0, timeToLive, suspect);
    }

    /// <inheritdoc/>
    [SkipLocalsInit]
    public bool TryReceive(Span<byte> buffer, out UdpReceived received)
    {
        byte* name = stackalloc byte[SocketAddressBytes.MaxLength];
        byte* control = stackalloc byte[ControlRoom];
        fixed (byte* data = buffer)
        {
            while (true)
            {
                var vector = new Libc.IoVector { Base = data, Length = (nuint)buffer.Length };
                var message = new Libc.MessageHeader
                {
                    Name = name,
                    NameLength = SocketAddressBytes.MaxLength,
                    Vectors = &vector,
                    VectorCount = 1,
                    Control = control,
                    ControlLength = ControlRoom,
                };
                nint length = Libc.ReceiveMessage(_descriptor, &message, flags: 0);
                if (length < 0)
                {
                    Errno error = Libc.LastError;
                    if (error == Errno.Interrupted || ConcernsOneDatagram(error))
                        continue;
                    received = default;
                    // Out of memory passes; the caller comes back when the poller says so.
                    if (error is Errno.Again or Errno.NoMemory or Errno.NoBufferSpace)
                        return false;
                    throw LinuxUdpPlatform.Failure(error);
                }
                // Cut (the caller's buffer is too small) or from nowhere: not a datagram that anyone could use.
                if ((message.Flags & Libc.MessageTruncated) != 0
                    || !SocketAddressBytes.TryRead(new ReadOnlySpan<byte>(name, (int)message.NameLength), out UdpAddress remote))
                    continue;
                received = Describe((int)length, remote, new ReadOnlySpan<byte>(control, (int)message.ControlLength));
                return true;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _descriptor.Dispose();

    /// <summary>Sends datagram by datagram. If the first goes out where a segmented batch did not, segmentation is off from now on.</summary>
    private UdpSendStatus SendEach(
        in UdpAddress remote, in UdpAddress local, ReadOnlySpan<byte> batch, int segmentSize, bool ect0, byte timeToLive, bool suspect)
    {
        for (int offset = 0; offset < batch.Length; offset += segmentSize)
        {
            ReadOnlySpan<byte> datagram = batch.Slice(offset, Math.Min(segmentSize, batch.Length - offset));
            UdpSendStatus status = StatusOf(Transmit(remote, local, datagram, segmentSize: 0, ect0, timeToLive));
            if (status != UdpSendStatus.Sent)
                // Part of the batch is on its way: the rest counts as lost on it, which the layer above repairs. It happens
                // in the one batch in which segmentation is turned off.
                return offset == 0 ? status : UdpSendStatus.Sent;
            if (suspect)
                _segmentation = suspect = false;
        }
        return UdpSendStatus.Sent;
    }

    /// <summary>One system call: one datagram, or with a segment size many.</summary>
    [SkipLocalsInit]
    private Errno Transmit(
        in UdpAddress remote, in UdpAddress local, ReadOnlySpan<byte> data, int segmentSize, bool ect0, byte timeToLive)
    {
        Span<byte> name = stackalloc byte[SocketAddressBytes.MaxLength];
        Span<byte> control = stackalloc byte[ControlRoom];
        int nameLength = SocketAddressBytes.Write(remote, name);
        int controlLength = WriteControl(control, local, segmentSize, ect0, timeToLive);
        fixed (byte* dataPointer = data, namePointer = name, controlPointer = control)
        {
            var vector = new Libc.IoVector { Base = dataPointer, Length = (nuint)data.Length };
            var message = new Libc.MessageHeader
            {
                Name = namePointer,
                NameLength = (uint)nameLength,
                Vectors = &vector,
                VectorCount = 1,
                Control = controlLength > 0 ? controlPointer : null,
                ControlLength = (nuint)controlLength,
            };
            for (int pending = 0; ;)
            {
                if (Libc.SendMessage(_descriptor, &message, flags: 0) >= 0)
                    return Errno.None;
                Errno error = Libc.LastError;
                bool again = error == Errno.Interrupted || (IsOnlyPending(error) && pending++ < MaxPendingErrors);
                if (!again)
                    return error;
            }
        }
    }

    private int WriteControl(Span<byte> control, in UdpAddress local, int segmentSize, bool ect0, byte timeToLive)
    {
        var writer = new ControlWriter(control);
        if (!local.IsUnspecified)
        {
            if (_isIPv4)
            {
                local.WriteAddress(writer.Add(Libc.LevelIp, Libc.IpPacketInfo, InetInfoLength)[4..]);
            }
            else
            {
                Span<byte> info = writer.Add(Libc.LevelIpv6, Libc.Ipv6PacketInfo, Inet6InfoLength);
                local.WriteAddress(info);
                BinaryPrimitives.WriteUInt32LittleEndian(info[16..], local.Scope);
            }
        }
        if (segmentSize > 0)
            BinaryPrimitives.WriteUInt16LittleEndian(writer.Add(Libc.LevelUdp, Libc.UdpSegment, sizeof(ushort)), (ushort)segmentSize);
        if (ect0)
            writer.AddInt32(Level, _isIPv4 ? Libc.IpTypeOfService : Libc.Ipv6TrafficClass, EctZero);
        if (timeToLive > 0)
            writer.AddInt32(Level, _isIPv4 ? Libc.IpTimeToLive : Libc.Ipv6HopLimit, timeToLive);
        return writer.Length;
    }

    private UdpReceived Describe(int length, in UdpAddress remote, ReadOnlySpan<byte> control)
    {
        int segmentSize = length;
        UdpAddress local = LocalAddress;
        var ecn = EcnCodepoint.NotEct;
        var reader = new ControlReader(control);
        while (reader.TryNext())
        {
            ReadOnlySpan<byte> data = reader.Data;
            switch (reader.Level, reader.Type)
            {
                case (Libc.LevelIp, Libc.IpPacketInfo) when data.Length >= InetInfoLength:
                    local = UdpAddress.FromBytes(data.Slice(4, 4), 0, LocalAddress.Port);
                    break;
                case (Libc.LevelIpv6, Libc.Ipv6PacketInfo) when data.Length >= Inet6InfoLength:
                    uint scope = BinaryPrimitives.ReadUInt32LittleEndian(data[16..]);
                    local = UdpAddress.FromBytes(data[..16], scope, LocalAddress.Port);
                    break;
                // A single byte in IPv4, a number of 32 bits in IPv6; the low byte comes first in both.
                case (Libc.LevelIp, Libc.IpTypeOfService) when data.Length >= 1:
                case (Libc.LevelIpv6, Libc.Ipv6TrafficClass) when data.Length >= 1:
                    ecn = (EcnCodepoint)(data[0] & EcnMask);
                    break;
                case (Libc.LevelUdp, Libc.UdpReceiveOffload) when data.Length >= sizeof(int):
                    int size = BinaryPrimitives.ReadInt32LittleEndian(data);
                    if (size > 0 && size < length)
                        segmentSize = size;
                    break;
            }
        }
        return new UdpReceived(length, segmentSize, remote, local, ecn);
    }

    private int Level => _isIPv4 ? Libc.LevelIp : Libc.LevelIpv6;

    private static UdpSendStatus StatusOf(Errno error) => error switch
    {
        Errno.None => UdpSendStatus.Sent,
        Errno.Again => UdpSendStatus.WouldBlock,
        Errno.MessageSize => UdpSendStatus.TooLarge,
        // Dropped by our own device's queue, or no memory for it: a loss like any other. It must not count as "would block",
        // for the socket stays writable and the loop would spin.
        Errno.NoBufferSpace or Errno.NoMemory => UdpSendStatus.Sent,
        Errno.BadDescriptor or Errno.BadAddress or Errno.NotSocket => throw LinuxUdpPlatform.Failure(error),
        // EPERM and EACCES from a rule of this machine, the routing errors, a source address that is gone (EINVAL), and whatever
        // else a device may say: this datagram cannot go there from here.
        _ => UdpSendStatus.Unreachable,
    };

    /// <summary>True for errors that the socket reports for a datagram of the past, as ICMP brought them.</summary>
    private static bool ConcernsOneDatagram(Errno error) => IsOnlyPending(error)
        || error is Errno.HostUnreachable or Errno.NetworkUnreachable or Errno.MessageSize or Errno.AccessDenied
            or Errno.NetworkDown or Errno.HostDown or Errno.NotPermitted;

    /// <summary>True for those of them that a send cannot cause itself.</summary>
    private static bool IsOnlyPending(Errno error) =>
        error is Errno.ConnectionRefused or Errno.ConnectionReset or Errno.Protocol or Errno.NoProtocolOption or Errno.NotSupported;

    private void Configure()
    {
        if (_isIPv4)
        {
            Require(Libc.LevelIp, Libc.IpMtuDiscover, Libc.MtuDiscoverProbe);
            Require(Libc.LevelIp, Libc.IpPacketInfo, 1);
            TrySet(Libc.LevelIp, Libc.IpReceiveTypeOfService, 1);
        }
        else
        {
            Require(Libc.LevelIpv6, Libc.Ipv6Only, 1);
            Require(Libc.LevelIpv6, Libc.Ipv6MtuDiscover, Libc.MtuDiscoverProbe);
            Require(Libc.LevelIpv6, Libc.Ipv6ReceivePacketInfo, 1);
            TrySet(Libc.LevelIpv6, Libc.Ipv6ReceiveTrafficClass, 1);
        }
        // Beyond net.core.rmem_max only with CAP_NET_ADMIN; the plain option then takes what is allowed.
        if (!TrySet(Libc.LevelSocket, Libc.ReceiveBufferForce, UdpLimits.SocketReceiveBytes))
            Require(Libc.LevelSocket, Libc.ReceiveBuffer, UdpLimits.SocketReceiveBytes);
        if (!TrySet(Libc.LevelSocket, Libc.SendBufferForce, UdpLimits.SocketSendBytes))
            Require(Libc.LevelSocket, Libc.SendBuffer, UdpLimits.SocketSendBytes);
        // Zero changes nothing, but only a kernel that can segment knows the option.
        _segmentation = TrySet(Libc.LevelUdp, Libc.UdpSegment, 0);
        TrySet(Libc.LevelUdp, Libc.UdpReceiveOffload, 1);
    }

    /// <summary>Sets an option of the socket; false if the kernel does not know it, or does not let us.</summary>
    internal bool TrySet(int level, int name, int value) => Libc.SetOption(_descriptor, level, name, &value, sizeof(int)) == 0;

    private void Require(int level, int name, int value)
    {
        if (!TrySet(level, name, value))
            throw LinuxUdpPlatform.Failure(Libc.LastError);
    }

    private UdpAddress BindTo(in UdpAddress local)
    {
        byte* name = stackalloc byte[SocketAddressBytes.MaxLength];
        var span = new Span<byte>(name, SocketAddressBytes.MaxLength);
        uint length = (uint)SocketAddressBytes.Write(local, span);
        if (Libc.Bind(_descriptor, name, length) != 0)
            throw LinuxUdpPlatform.Failure(Libc.LastError);
        length = SocketAddressBytes.MaxLength;
        if (Libc.GetSocketName(_descriptor, name, &length) != 0 || !SocketAddressBytes.TryRead(span[..(int)length], out UdpAddress bound))
            throw LinuxUdpPlatform.Failure(Libc.LastError);
        return bound;
    }
}
