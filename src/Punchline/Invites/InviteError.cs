namespace Punchline.Invites;

/// <summary>What is wrong with an invite's text.</summary>
public enum InviteError
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>There is no text.</summary>
    Empty,

    /// <summary>The word "punchline" with a version behind it is not there.</summary>
    NotAnInvite,

    /// <summary>A version, a critical field or only schemes that this program does not know.</summary>
    NewerVersion,

    /// <summary>A character that no invite has.</summary>
    BadCharacter,

    /// <summary>The end is missing.</summary>
    Truncated,

    /// <summary>There is something behind the end.</summary>
    TooLong,

    /// <summary>The checksum does not fit: a character was changed, or a part in the middle is missing.</summary>
    Damaged,

    /// <summary>The host id is missing, doubled or of a wrong length.</summary>
    BadHostId,

    /// <summary>The invite id is missing, doubled or of a wrong length.</summary>
    BadInviteId,

    /// <summary>The secret is missing, doubled or of a wrong length.</summary>
    BadSecret,

    /// <summary>A server is not valid, or there is none, or there are too many.</summary>
    BadServer,
}
