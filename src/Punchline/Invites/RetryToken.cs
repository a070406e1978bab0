using System.Buffers.Binary;
using System.Security.Cryptography;
using Punchline.Endpoint;
using Punchline.Quic;

namespace Punchline.Invites;

/// <summary>What a Retry token seals: the facts of the first Initial, and the path it came on.</summary>
internal readonly record struct RetryFacts(ulong DoorNonce, ConnectionId Original, RetryPath Path, uint Seconds);

/// <summary>A path as a Retry token remembers it.</summary>
internal readonly record struct RetryPath(PathKind Kind, ulong Handle, UdpAddress Remote)
{
    public static RetryPath Of(NetworkPath path) => new(path.Kind, path is RelayPath relay ? relay.Handle : 0, path.RemoteAddress);
}

/// <summary>
/// The token of our Retry packets (RFC 9000 sections 8.1.2 and 8.1.4): stateless, sealed under a key that lives in this host's memory.
/// <code>
///  version (1) ‖ kind (1) ‖ invite id (8) ‖ gcm nonce (12) ‖ sealed facts (90) ‖ tag (16)
/// </code>
/// </summary>
internal static class RetryToken
{
    public const int Length = DoorToken.HeaderLength + GcmNonceLength + PlainLength + DoorToken.TagLength;

    /// <summary>The seconds in a token wrap at 2^24.</summary>
    public const uint SecondsMask = 0xff_ffff;

    private const int GcmNonceLength = 12;
    private const int PlainLength = DoorToken.NonceLength + DoorToken.PeerIdLength + DoorToken.ConnectionIdLength + 1 + 8 + 2 + 16 + 3;
    private const int AssociatedLength = DoorToken.HeaderLength + Invite.HostIdLength;

    public static byte[] Seal(AesGcm key, ReadOnlySpan<byte> gcmNonce, InviteId id, ReadOnlySpan<byte> hostId, ReadOnlySpan<byte> peerId, in RetryFacts facts)
    {
        byte[] token = new byte[Length];
        token[0] = DoorToken.Version;
        token[1] = (byte)DoorTokenKind.Retry;
        id.Write(token.AsSpan(2));
        gcmNonce.CopyTo(token.AsSpan(DoorToken.HeaderLength, GcmNonceLength));

        Span<byte> plain = stackalloc byte[PlainLength];
        BinaryPrimitives.WriteUInt64BigEndian(plain, facts.DoorNonce);
        peerId.CopyTo(plain[8..]);
        facts.Original.Span.CopyTo(plain[40..]);
        plain[60] = (byte)facts.Path.Kind;
        BinaryPrimitives.WriteUInt64BigEndian(plain[61..], facts.Path.Handle);
        BinaryPrimitives.WriteUInt16BigEndian(plain[69..], facts.Path.Remote.Port);
        facts.Path.Remote.ToIPAddress().MapToIPv6().TryWriteBytes(plain.Slice(71, 16), out _);
        plain[87] = (byte)(facts.Seconds >> 16);
        BinaryPrimitives.WriteUInt16BigEndian(plain[88..], (ushort)facts.Seconds);

        Span<byte> associated = stackalloc byte[AssociatedLength];
        WriteAssociated(token, hostId, associated);
        key.Encrypt(gcmNonce, plain, token.AsSpan(DoorToken.HeaderLength + GcmNonceLength, PlainLength), token.AsSpan(^DoorToken.TagLength..), associated);
        return token;
    }

    public static bool TryOpen(AesGcm key, ReadOnlySpan<byte> token, ReadOnlySpan<byte> hostId, out RetryFacts facts, Span<byte> peerId)
    {
        facts = default;
        if (token.Length != Length)
            return false;
        Span<byte> plain = stackalloc byte[PlainLength];
        Span<byte> associated = stackalloc byte[AssociatedLength];
        WriteAssociated(token, hostId, associated);
        if (!Sealing.TryDecrypt(key, token.Slice(DoorToken.HeaderLength, GcmNonceLength), token[(DoorToken.HeaderLength + GcmNonceLength)..], plain, associated))
            return false;
        plain.Slice(8, DoorToken.PeerIdLength).CopyTo(peerId);
        // FromBytes makes IPv4-mapped addresses IPv4 again; link-local scopes are not sealed, so they are not compared either.
        var remote = UdpAddress.FromBytes(plain.Slice(71, 16), 0, BinaryPrimitives.ReadUInt16BigEndian(plain[69..]));
        var path = new RetryPath((PathKind)plain[60], BinaryPrimitives.ReadUInt64BigEndian(plain[61..]), remote);
        uint seconds = (uint)plain[87] << 16 | BinaryPrimitives.ReadUInt16BigEndian(plain[88..]);
        facts = new RetryFacts(BinaryPrimitives.ReadUInt64BigEndian(plain), new ConnectionId(plain.Slice(40, DoorToken.ConnectionIdLength)), path, seconds);
        return true;
    }

    /// <summary>True if a token was sealed on this path (a link-local address's scope aside).</summary>
    public static bool SamePath(in RetryPath sealedPath, NetworkPath path)
    {
        var now = RetryPath.Of(path);
        return sealedPath.Kind == now.Kind && sealedPath.Handle == now.Handle && sealedPath.Remote.Port == now.Remote.Port
            && sealedPath.Remote.AddressLength == now.Remote.AddressLength && sealedPath.Remote.SamePrefix(now.Remote, now.Remote.AddressLength * 8);
    }

    private static void WriteAssociated(ReadOnlySpan<byte> token, ReadOnlySpan<byte> hostId, Span<byte> associated)
    {
        token[..DoorToken.HeaderLength].CopyTo(associated);
        hostId.CopyTo(associated[DoorToken.HeaderLength..]);
    }
}
