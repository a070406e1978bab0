namespace Punchline.Invites;

/// <summary>The tag of a connection that the door let try: which invite it counts for, and what it still holds of its limits.</summary>
internal sealed class DoorPass(DoorRecord record)
{
    /// <summary>The invite's or the friend's id.</summary>
    public InviteId Invite { get; } = record.Id;

    /// <summary>True if the secret was a friend's own: none needs to be given again.</summary>
    public bool IsFriend { get; } = record.PeerId is not null;

    internal InviteId Family { get; } = record.Family;

    internal bool HandshakePending { get; set; } = true;

    internal bool Open { get; set; } = true;
}
