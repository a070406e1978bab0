using System.Buffers.Binary;
using System.Security.Cryptography;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Quic.Wire;

namespace Punchline.Relay;

/// <summary>The first byte of a relay frame: neither STUN nor QUIC (RFC 9443).</summary>
internal enum RelayFrameType : byte
{
    Data = 0x20,
    CookieRequest = 0x21,
    Cookie = 0x22,
    Bind = 0x23,
    Bound = 0x24,
    AskLater = 0x25,
    Later = 0x26,
}

/// <summary>The fields of a BIND frame; cookie and MAC are read from the frame itself.</summary>
internal readonly record struct BindFrame(ulong Handle, ulong Sequence);

/// <summary>The fields of a BOUND frame.</summary>
internal readonly record struct BoundFrame(ulong Handle, ulong Sequence, UdpAddress Observed);

/// <summary>Writes and reads relay frames (docs/wire/relay.md). All fields stand at fixed places.</summary>
internal static class RelayFrame
{
    public const int DataHeaderLength = 9;
    public const int CookieLength = 16;
    public const int MacLength = 16;
    public const int KeyLength = 16;
    public const int CookieRequestLength = 32;
    public const int CookieFrameLength = 9 + CookieLength;
    public const int BindLength = 17 + CookieLength + MacLength;

    /// <summary>The largest QUIC datagram in a DATA frame.</summary>
    public const int MaxDatagram = MaxChannelFrame - DataHeaderLength;

    /// <summary>A DATA frame on a control channel is one WebSocket message of at most this length: no datagram of ours is larger than Ethernet's 1,500 bytes.</summary>
    public const int MaxChannelFrame = DataHeaderLength + 1500;

    public static void WriteDataHeader(Span<byte> destination, ulong handle)
    {
        destination[0] = (byte)RelayFrameType.Data;
        BinaryPrimitives.WriteUInt64BigEndian(destination[1..], handle);
    }

    public static bool TryReadDataHeader(ReadOnlySpan<byte> frame, out ulong handle)
    {
        handle = 0;
        // A header without anything behind it carries nothing.
        if (frame.Length <= DataHeaderLength || frame[0] != (byte)RelayFrameType.Data)
            return false;
        handle = BinaryPrimitives.ReadUInt64BigEndian(frame[1..]);
        return true;
    }

    public static int WriteCookieRequest(Span<byte> destination, ulong echo)
    {
        destination[..CookieRequestLength].Clear();
        destination[0] = (byte)RelayFrameType.CookieRequest;
        BinaryPrimitives.WriteUInt64BigEndian(destination[1..], echo);
        return CookieRequestLength;
    }

    public static bool TryReadCookieRequest(ReadOnlySpan<byte> frame, out ulong echo)
    {
        echo = 0;
        // Longer than the answer, so that nobody is amplified.
        if (frame.Length != CookieRequestLength || frame[0] != (byte)RelayFrameType.CookieRequest)
            return false;
        echo = BinaryPrimitives.ReadUInt64BigEndian(frame[1..]);
        return true;
    }

    public static int WriteCookie(Span<byte> destination, ulong echo, ReadOnlySpan<byte> cookie)
    {
        destination[0] = (byte)RelayFrameType.Cookie;
        BinaryPrimitives.WriteUInt64BigEndian(destination[1..], echo);
        cookie[..CookieLength].CopyTo(destination[9..]);
        return CookieFrameLength;
    }

    public static bool TryReadCookie(ReadOnlySpan<byte> frame, out ulong echo, out ReadOnlySpan<byte> cookie)
    {
        echo = 0;
        cookie = default;
        if (frame.Length != CookieFrameLength || frame[0] != (byte)RelayFrameType.Cookie)
            return false;
        echo = BinaryPrimitives.ReadUInt64BigEndian(frame[1..]);
        cookie = frame[9..];
        return true;
    }

    public static int WriteBind(Span<byte> destination, in BindFrame bind, ReadOnlySpan<byte> cookie, ReadOnlySpan<byte> key)
    {
        destination[0] = (byte)RelayFrameType.Bind;
        BinaryPrimitives.WriteUInt64BigEndian(destination[1..], bind.Handle);
        BinaryPrimitives.WriteUInt64BigEndian(destination[9..], bind.Sequence);
        cookie[..CookieLength].CopyTo(destination[17..]);
        BindMac(destination[1..33], key, destination.Slice(33, MacLength));
        return BindLength;
    }

    public static bool TryReadBind(ReadOnlySpan<byte> frame, out BindFrame bind, out ReadOnlySpan<byte> cookie)
    {
        bind = default;
        cookie = default;
        if (frame.Length != BindLength || frame[0] != (byte)RelayFrameType.Bind)
            return false;
        bind = new BindFrame(BinaryPrimitives.ReadUInt64BigEndian(frame[1..]), BinaryPrimitives.ReadUInt64BigEndian(frame[9..]));
        cookie = frame.Slice(17, CookieLength);
        return true;
    }

    /// <summary>True if the MAC of a BIND frame, read before, is by this key.</summary>
    public static bool VerifyBind(ReadOnlySpan<byte> frame, ReadOnlySpan<byte> key)
    {
        Span<byte> mac = stackalloc byte[MacLength];
        BindMac(frame[1..33], key, mac);
        return CryptographicOperations.FixedTimeEquals(mac, frame[33..]);
    }

    public static int WriteBound(Span<byte> destination, in BoundFrame bound)
    {
        var writer = new WireWriter(destination);
        writer.WriteByte((byte)RelayFrameType.Bound);
        writer.WriteUInt64(bound.Handle);
        writer.WriteUInt64(bound.Sequence);
        writer.WriteAddress(bound.Observed);
        return writer.Position;
    }

    public static bool TryReadBound(ReadOnlySpan<byte> frame, out BoundFrame bound)
    {
        bound = default;
        var reader = new WireReader(frame);
        if (!reader.TryReadByte(out byte type) || type != (byte)RelayFrameType.Bound || !reader.TryReadUInt64(out ulong handle)
            || !reader.TryReadUInt64(out ulong sequence) || !reader.TryReadAddress(out UdpAddress observed) || !reader.IsEmpty)
        {
            return false;
        }
        bound = new BoundFrame(handle, sequence, observed);
        return true;
    }

    private static void BindMac(ReadOnlySpan<byte> covered, ReadOnlySpan<byte> key, Span<byte> mac)
    {
        Span<byte> input = stackalloc byte[17 + 32];
        "punchline bind v1"u8.CopyTo(input);
        covered.CopyTo(input[17..]);
        Span<byte> digest = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key, input, digest);
        digest[..MacLength].CopyTo(mac);
    }
}
