using System.Buffers.Binary;
using System.Security.Cryptography;
using Punchline.Quic;

namespace Punchline.Invites;

/// <summary>What a door token is for (its second byte; RFC 9000 section 8.1.1).</summary>
internal enum DoorTokenKind : byte
{
    Invite = 1,
    Retry = 2,

    /// <summary>Reserved for tokens of NEW_TOKEN frames (RFC 9000 section 8.1.3); opens nothing yet.</summary>
    NewToken = 3,
}

/// <summary>
/// The token in a client's first Initial packet, sealed under a key of the invite's secret (docs/wire/door.md).
/// <code>
///  version (1) ‖ kind (1) ‖ invite id (8) ‖ sealed: door nonce (8) ‖ client peer id (32) ‖ tag (16)
/// </code>
/// </summary>
internal static class DoorToken
{
    public const byte Version = 1;
    public const int HeaderLength = 2 + Invite.IdLength;
    public const int NonceLength = 8;
    public const int PeerIdLength = 32;
    public const int TagLength = 16;
    public const int Length = HeaderLength + NonceLength + PeerIdLength + TagLength;

    /// <summary>The destination connection id of the first Initial: all random, so the GCM nonce never repeats under a key.</summary>
    public const int ConnectionIdLength = ConnectionId.MaxLength;

    private const int GcmNonceLength = 12;

    /// <summary>Reads what stands in the clear.</summary>
    /// <returns>False if it is no token of this version with a length that fits its kind.</returns>
    public static bool TryReadHeader(ReadOnlySpan<byte> token, out DoorTokenKind kind, out InviteId id)
    {
        kind = default;
        id = default;
        if (token.Length < HeaderLength || token[0] != Version)
            return false;
        kind = (DoorTokenKind)token[1];
        id = InviteId.Read(token[2..]);
        return kind switch
        {
            DoorTokenKind.Invite => token.Length == Length,
            DoorTokenKind.Retry => token.Length == RetryToken.Length,
            _ => false,
        };
    }

    /// <summary>Makes the token of one attempt.</summary>
    /// <param name="secret">The invite's, or the friend's own.</param>
    /// <param name="id">The invite's id, or the friend's.</param>
    /// <param name="hostId">32 bytes.</param>
    /// <param name="destination">The first Initial's destination connection id: 20 random bytes, used for no other token.</param>
    /// <param name="doorNonce">As the host published it last.</param>
    /// <param name="peerId">Our own id, 32 bytes.</param>
    public static byte[] Seal(ReadOnlySpan<byte> secret, InviteId id, ReadOnlySpan<byte> hostId, in ConnectionId destination, ulong doorNonce, ReadOnlySpan<byte> peerId)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(destination.Length, ConnectionIdLength, nameof(destination));
        ArgumentOutOfRangeException.ThrowIfNotEqual(hostId.Length, Invite.HostIdLength, nameof(hostId));
        ArgumentOutOfRangeException.ThrowIfNotEqual(peerId.Length, PeerIdLength, nameof(peerId));
        byte[] token = new byte[Length];
        token[0] = Version;
        token[1] = (byte)DoorTokenKind.Invite;
        id.Write(token.AsSpan(2));
        Span<byte> plain = stackalloc byte[NonceLength + PeerIdLength];
        BinaryPrimitives.WriteUInt64BigEndian(plain, doorNonce);
        peerId.CopyTo(plain[NonceLength..]);
        Span<byte> associated = stackalloc byte[AssociatedLength];
        WriteAssociated(token, hostId, destination, associated);
        using var gcm = new AesGcm(InviteKeys.Door(secret), TagLength);
        gcm.Encrypt(destination.Span[..GcmNonceLength], plain, token.AsSpan(HeaderLength, plain.Length), token.AsSpan(^TagLength..), associated);
        return token;
    }

    /// <summary>Opens an invite token.</summary>
    /// <param name="key">AES-GCM under the door key of the token's id.</param>
    /// <param name="peerId">Room for 32 bytes.</param>
    public static bool TryOpen(AesGcm key, ReadOnlySpan<byte> token, ReadOnlySpan<byte> hostId, in ConnectionId destination, out ulong doorNonce, Span<byte> peerId)
    {
        doorNonce = 0;
        if (token.Length != Length || destination.Length != ConnectionIdLength)
            return false;
        Span<byte> plain = stackalloc byte[NonceLength + PeerIdLength];
        Span<byte> associated = stackalloc byte[AssociatedLength];
        WriteAssociated(token, hostId, destination, associated);
        if (!Sealing.TryDecrypt(key, destination.Span[..GcmNonceLength], token[HeaderLength..], plain, associated))
            return false;
        doorNonce = BinaryPrimitives.ReadUInt64BigEndian(plain);
        plain[NonceLength..].CopyTo(peerId);
        return true;
    }

    private const int AssociatedLength = HeaderLength + Invite.HostIdLength + ConnectionIdLength;

    private static void WriteAssociated(ReadOnlySpan<byte> token, ReadOnlySpan<byte> hostId, in ConnectionId destination, Span<byte> associated)
    {
        token[..HeaderLength].CopyTo(associated);
        hostId.CopyTo(associated[HeaderLength..]);
        destination.Span.CopyTo(associated[(HeaderLength + Invite.HostIdLength)..]);
    }
}
