namespace Punchline.Invites;

/// <summary>The tag of a connection that the door let try: which invite it counts for, and what it still holds of its limits.</summary>
internal sealed class DoorPass(InviteId invite, ReadOnlyMemory<byte> peerId, bool isFriend)
{
    /// <summary>The invite's or the friend's id.</summary>
    public InviteId Invite { get; } = invite;

    /// <summary>The id that the token seals; proven once the handshake is complete.</summary>
    public ReadOnlyMemory<byte> PeerId { get; } = peerId;

    /// <summary>True if the secret was a friend's own: none needs to be given again.</summary>
    public bool IsFriend { get; } = isFriend;

    internal bool HandshakePending { get; set; } = true;

    internal bool Open { get; set; } = true;
}
