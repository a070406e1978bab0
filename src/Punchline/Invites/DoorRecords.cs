namespace Punchline.Invites;

/// <summary>An invite or a friend as the door sees it.</summary>
/// <param name="Id">What stands in the token.</param>
/// <param name="DoorKey">16 bytes that open the token.</param>
/// <param name="PeerId">A friend's own id: the only one that may use the secret. Null for an invite.</param>
/// <param name="Family">The invite on whose limits it counts: its own id, or the one by which the friend came.</param>
/// <param name="EndProof">Set when it has ended: what tells its holder so.</param>
internal sealed record DoorRecord(InviteId Id, ReadOnlyMemory<byte> DoorKey, byte[]? PeerId, InviteId Family, byte[]? EndProof)
{
    public bool HasEnded => EndProof is not null;
}

/// <summary>Where the door looks invites up.</summary>
internal interface IDoorRecords
{
    /// <summary>The invite or friend of an id, open or ended; null if there is none. Never waits.</summary>
    DoorRecord? Find(InviteId id);
}
