using System.Net;
using Punchline.Invites;
using Punchline.Quic;
using Punchline.Quic.Wire;

namespace Punchline.Protocol;

/// <summary>A client asks for a pair with a host: fields, then the MAC that covers them.</summary>
internal sealed record Open(byte Version, ControlFeatures Features, byte[] Nonce, string Name, byte[] HostId, InviteId InviteId, string ProgramVersion)
    : ControlMessage(ControlType.Open)
{
    /// <summary>The bytes as they came, if they did: the MAC covers these, not what we would write.</summary>
    private readonly byte[]? _received;

    private Open(Open fields, byte[] received)
        : this(fields) => _received = received;

    /// <summary>What the MAC covers: the bytes in front of it. Of a message of ours always its fields as they are.</summary>
    public byte[] Content => _received ?? ControlCodec.Bytes(this, static (scoped ref writer, message) => message.WriteContent(ref writer));

    /// <summary>32 bytes.</summary>
    public byte[] Mac { get; init; } = [];

    public static Open? Read(WireReader body)
    {
        ReadOnlySpan<byte> whole = body.Rest;
        if (!body.TryReadByte(out byte version) || !body.TryReadUInt64(out ulong features) || !body.TryReadArray(ControlCodec.NonceLength, out byte[] nonce)
            || !body.TryReadShortText(out string name) || !body.TryReadArray(Invite.HostIdLength, out byte[] hostId)
            || !body.TryReadUInt64(out ulong inviteId) || !body.TryReadShortText(out string program))
        {
            return null;
        }
        byte[] content = whole[..^body.Remaining].ToArray();
        return body.TryReadArray(ControlCodec.MacLength, out byte[] mac)
            ? new Open(new Open(version, (ControlFeatures)features, nonce, name, hostId, new InviteId(inviteId), program) { Mac = mac }, content)
            : null;
    }

    public override void WriteBody(scoped ref WireWriter writer)
    {
        WriteContent(ref writer);
        writer.WriteBytes(Mac);
    }

    private void WriteContent(scoped ref WireWriter writer)
    {
        writer.WriteByte(Version);
        writer.WriteUInt64((ulong)Features);
        writer.WriteBytes(Nonce);
        writer.WriteShortText(Name);
        writer.WriteBytes(HostId);
        writer.WriteUInt64(InviteId.Value);
        writer.WriteShortText(ProgramVersion);
    }
}

/// <summary>The pair stands.</summary>
internal sealed record Opened(ulong Handle, byte[] Key, ulong DoorNonce, UdpAddress Observed) : ControlMessage(ControlType.Opened)
{
    public static Opened? Read(WireReader body) =>
        body.TryReadUInt64(out ulong handle) && body.TryReadArray(ControlCodec.KeyLength, out byte[] key)
        && body.TryReadUInt64(out ulong nonce) && body.TryReadAddress(out UdpAddress observed)
            ? new Opened(handle, key, nonce, observed)
            : null;

    public override void WriteBody(scoped ref WireWriter writer)
    {
        writer.WriteUInt64(Handle);
        writer.WriteBytes(Key);
        writer.WriteUInt64(DoorNonce);
        writer.WriteAddress(Observed);
    }
}

/// <summary>A client stands at the door.</summary>
/// <param name="Handle">The host's handle for the pair.</param>
/// <param name="InviteId">What the client came with.</param>
/// <param name="Client">Its address as seen, or <see cref="Hidden"/>.</param>
internal sealed record PairOpened(ulong Handle, InviteId InviteId, UdpAddress Client) : ControlMessage(ControlType.PairOpened)
{
    /// <summary>Stands for the address of a client that asked to hide it: 0.0.0.0, port 1.</summary>
    public static readonly UdpAddress Hidden = new(IPAddress.Any, 1);

    public static PairOpened? Read(WireReader body) =>
        body.TryReadUInt64(out ulong handle) && body.TryReadUInt64(out ulong invite) && body.TryReadAddress(out UdpAddress client)
            ? new PairOpened(handle, new InviteId(invite), client)
            : null;

    public override void WriteBody(scoped ref WireWriter writer)
    {
        writer.WriteUInt64(Handle);
        writer.WriteUInt64(InviteId.Value);
        writer.WriteAddress(Client);
    }
}

/// <summary>A pair is gone.</summary>
internal sealed record PairClosed(ulong Handle, PairCloseReason Reason) : ControlMessage(ControlType.PairClosed)
{
    public static PairClosed? Read(WireReader body) =>
        body.TryReadUInt64(out ulong handle) && body.TryReadByte(out byte reason) ? new PairClosed(handle, (PairCloseReason)reason) : null;

    public override void WriteBody(scoped ref WireWriter writer)
    {
        writer.WriteUInt64(Handle);
        writer.WriteByte((byte)Reason);
    }
}
