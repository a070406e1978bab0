namespace Punchline.Invites;

/// <summary>Why a token that opens lets nobody in: the application code of the one refusal (docs/wire/door.md).</summary>
internal enum RefusalReason : ulong
{
    Revoked = 0x3150_4311,
    Expired = 0x3150_4312,
    UsedUp = 0x3150_4313,
    Removed = 0x3150_4314,
}

/// <summary>An invite or a friend as the door sees it.</summary>
/// <param name="Id">What stands in the token.</param>
/// <param name="DoorKey">16 bytes that open the token.</param>
/// <param name="PeerId">A friend's own id: the only one that may use the secret. Null for an invite.</param>
/// <param name="Refusal">Set on a tombstone.</param>
internal sealed record DoorRecord(InviteId Id, ReadOnlyMemory<byte> DoorKey, ReadOnlyMemory<byte>? PeerId, RefusalReason? Refusal);

/// <summary>Where the door looks invites up.</summary>
internal interface IDoorRecords
{
    /// <summary>The invite, friend or tombstone of an id; null if there is none. The same object as long as it did not change.</summary>
    DoorRecord? Find(InviteId id);

    /// <summary>A handshake under this invite was completed by this peer.</summary>
    void OnJoined(InviteId id, ReadOnlyMemory<byte> peerId);
}
