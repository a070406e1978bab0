using Punchline.Invites;
using Punchline.Quic;

namespace Punchline.Protocol;

/// <summary>The types of the control channel's messages. The top bit: who does not know it cannot go on.</summary>
internal enum ControlType : ushort
{
    ServerHello = 0x8001,
    Register = 0x8002,
    Registered = 0x8003,
    Open = 0x8004,
    Opened = 0x8005,
    Error = 0x8006,
    SetInvites = 0x8007,
    SetDoorNonce = 0x8008,
    PairOpened = 0x8009,
    PairClosed = 0x000a,
    Displaced = 0x800b,
    ShuttingDown = 0x000c,
    Ping = 0x000d,
    Pong = 0x000e,
    DoorNonceChanged = 0x000f,
}

/// <summary>A message of the control channel between a peer and a server (docs/wire/control.md).</summary>
internal abstract record ControlMessage;

/// <summary>What the server says first.</summary>
internal sealed record ServerHello(byte LowestVersion, byte HighestVersion, ulong Features, byte[] Nonce, ushort UdpPort, ushort AlternatePort,
    IReadOnlyList<UdpAddress> Addresses, string ProgramVersion) : ControlMessage;

/// <summary>An invite, or a friend, as a server knows it.</summary>
internal readonly record struct RelayEntry(InviteId Id, byte[] RelayKey);

/// <summary>An invite or a friend that has ended, with what tells its holder so (InviteKeys.EndProof).</summary>
internal readonly record struct EndedEntry(InviteId Id, byte[] EndProof);

/// <summary>A host registers.</summary>
internal sealed record Register(byte Version, ulong Features, byte[] Nonce, string Name, byte[] PublicKey, ulong DoorNonce, string ProgramVersion,
    IReadOnlyList<RelayEntry> Entries) : ControlMessage
{
    /// <summary>What signature and password proof cover: the bytes in front of them.</summary>
    public byte[] Content { get; init; } = [];

    /// <summary>32 bytes, or none.</summary>
    public byte[] PasswordProof { get; init; } = [];

    /// <summary>DER.</summary>
    public byte[] Signature { get; init; } = [];

    /// <summary>The last ends. Not signed: each proof speaks for itself.</summary>
    public IReadOnlyList<EndedEntry> Ended { get; init; } = [];
}

/// <summary>The host is in the directory.</summary>
internal sealed record Registered(ulong Handle, byte[] Key, UdpAddress Observed, ushort MaxPairs) : ControlMessage;

/// <summary>A client asks for a pair with a host.</summary>
internal sealed record Open(byte Version, ulong Features, byte[] Nonce, string Name, byte[] HostId, InviteId InviteId, string ProgramVersion) : ControlMessage
{
    /// <summary>What the MAC covers: the bytes in front of it.</summary>
    public byte[] Content { get; init; } = [];

    /// <summary>32 bytes.</summary>
    public byte[] Mac { get; init; } = [];
}

/// <summary>The pair stands.</summary>
internal sealed record Opened(ulong Handle, byte[] Key, ulong DoorNonce, UdpAddress Observed) : ControlMessage;

/// <summary>The server refuses.</summary>
internal sealed record ErrorMessage(ControlError Code, string Text) : ControlMessage
{
    /// <summary>With <see cref="ControlError.UnknownInvite"/>: 16 bytes if the host says that the invite has ended, else none.</summary>
    public byte[] EndProof { get; init; } = [];
}

/// <summary>The host's invites changed.</summary>
internal sealed record SetInvites(IReadOnlyList<RelayEntry> Entries, IReadOnlyList<EndedEntry> Ended) : ControlMessage;

/// <summary>The host drew a new door nonce.</summary>
internal sealed record SetDoorNonce(ulong DoorNonce) : ControlMessage;

/// <summary>A client stands at the door.</summary>
internal sealed record PairOpened(ulong Handle, InviteId InviteId, UdpAddress Client) : ControlMessage;

/// <summary>A pair is gone.</summary>
internal sealed record PairClosed(ulong Handle, PairCloseReason Reason) : ControlMessage;

/// <summary>The same identity registered anew.</summary>
internal sealed record Displaced : ControlMessage;

/// <summary>The server goes down.</summary>
internal sealed record ShuttingDown : ControlMessage;

/// <summary>A sign of life is asked for.</summary>
internal sealed record Ping(ulong Echo) : ControlMessage;

/// <summary>A sign of life.</summary>
internal sealed record Pong(ulong Echo) : ControlMessage;

/// <summary>To a client with an open pair: seal this nonce from now on.</summary>
internal sealed record DoorNonceChanged(ulong DoorNonce) : ControlMessage;
