namespace Punchline.Protocol;

/// <summary>Why a server does not do what it was asked (docs/wire/control.md).</summary>
internal enum ControlError : ushort
{
    None = 0,
    Malformed = 1,
    NewerNeeded = 2,
    UpdateServer = 3,
    UpdatePeer = 4,
    WrongName = 5,
    BadSignature = 6,
    PasswordNeeded = 7,
    WrongPassword = 8,
    HostNotAllowed = 9,
    HostOffline = 10,
    UnknownInvite = 11,
    TooManyFromAddress = 12,
    TooManyPairs = 13,
    TooFast = 14,
    ServerFull = 15,
    Unexpected = 16,
}

/// <summary>Why a pair ended.</summary>
internal enum PairCloseReason : byte
{
    ClientLeft = 1,
    HostLeft = 2,
    InviteRemoved = 3,
    Replaced = 4,
}

/// <summary>The texts that go with the codes, and which of them leave the channel open.</summary>
internal static class ControlErrors
{
    /// <summary>True if the channel goes on: a client may ask again.</summary>
    public static bool KeepsChannel(ControlError error) => error is ControlError.HostOffline or ControlError.UnknownInvite or ControlError.TooManyPairs;

    /// <summary>One sentence, without a name: whoever shows it puts the server's in front.</summary>
    public static string Text(ControlError error) => error switch
    {
        ControlError.None => "",
        ControlError.Malformed => "a message could not be read",
        ControlError.NewerNeeded => "the other side is newer and asks for what this side does not know: update this side",
        ControlError.UpdateServer => "the server is older than this program: whoever runs it should update it",
        ControlError.UpdatePeer => "this program is too old for the server: update it",
        ControlError.WrongName => "the server does not go by the name that was dialled",
        ControlError.BadSignature => "the signature is not valid",
        ControlError.PasswordNeeded => "the server lets only hosts with its password register",
        ControlError.WrongPassword => "the host password is wrong",
        ControlError.HostNotAllowed => "this host may not register at the server",
        ControlError.HostOffline => "the host is not connected to the server",
        ControlError.UnknownInvite => "the host does not know this invite: it was replaced or revoked",
        ControlError.TooManyFromAddress => "too many connections from this address",
        ControlError.TooManyPairs => "the host has too many clients on this server",
        ControlError.TooFast => "messages came too fast",
        ControlError.ServerFull => "the server is full",
        _ => "an unexpected message",
    };
}
