using Punchline.Invites;
using Punchline.Quic;

namespace Punchline.Protocol;

/// <summary>How reading a control message went.</summary>
internal enum ControlReadStatus
{
    Ok,

    /// <summary>Not known, and not needed: skip it.</summary>
    Skip,

    /// <summary>Not known, and critical.</summary>
    UnknownCritical,

    /// <summary>Known, but not well formed.</summary>
    Malformed,
}

/// <summary>Bytes and messages of the control channel (docs/wire/control.md).</summary>
internal static class ControlCodec
{
    /// <summary>The version that this program speaks; there is no other yet.</summary>
    public const byte Version = 1;

    /// <summary>The largest message: a registration with all its entries takes 15.6 kB.</summary>
    public const int MaxMessageLength = 16_384;

    /// <summary>Invites and friends of one host (InviteStore.MaxInvites + InviteStore.MaxFriends).</summary>
    public const int MaxEntries = 320;

    /// <summary>Ended invites and friends of one host (InviteStore.MaxEnded).</summary>
    public const int MaxEnded = 96;

    /// <summary>Addresses that a server names for its UDP port.</summary>
    public const int MaxAddresses = 4;

    public const int NonceLength = 32;
    public const int KeyLength = 16;
    public const int MacLength = 32;

    private const ushort Critical = 0x8000;

    /// <summary>The bytes of a message.</summary>
    public static byte[] Write(ControlMessage message)
    {
        byte[] buffer = new byte[MaxMessageLength];
        var writer = new WireWriter(buffer);
        switch (message)
        {
            case ServerHello m:
                Begin(ref writer, ControlType.ServerHello);
                writer.WriteByte(m.LowestVersion);
                writer.WriteByte(m.HighestVersion);
                writer.WriteUInt64(m.Features);
                writer.WriteBytes(m.Nonce);
                writer.WriteUInt16(m.UdpPort);
                writer.WriteUInt16(m.AlternatePort);
                writer.WriteByte((byte)m.Addresses.Count);
                foreach (UdpAddress address in m.Addresses)
                    writer.WriteAddress(address);
                writer.WriteShortText(m.ProgramVersion);
                break;
            case Register m:
                Begin(ref writer, ControlType.Register);
                writer.WriteBytes(m.Content);
                writer.WriteByte((byte)m.PasswordProof.Length);
                writer.WriteBytes(m.PasswordProof);
                writer.WriteByte((byte)m.Signature.Length);
                writer.WriteBytes(m.Signature);
                WriteEnded(ref writer, m.Ended);
                break;
            case Registered m:
                Begin(ref writer, ControlType.Registered);
                writer.WriteUInt64(m.Handle);
                writer.WriteBytes(m.Key);
                writer.WriteAddress(m.Observed);
                writer.WriteUInt16(m.MaxPairs);
                break;
            case Open m:
                Begin(ref writer, ControlType.Open);
                writer.WriteBytes(m.Content);
                writer.WriteBytes(m.Mac);
                break;
            case Opened m:
                Begin(ref writer, ControlType.Opened);
                writer.WriteUInt64(m.Handle);
                writer.WriteBytes(m.Key);
                writer.WriteUInt64(m.DoorNonce);
                writer.WriteAddress(m.Observed);
                break;
            case ErrorMessage m:
                Begin(ref writer, ControlType.Error);
                writer.WriteUInt16((ushort)m.Code);
                writer.WriteShortText(m.Text);
                writer.WriteBytes(m.EndProof);
                break;
            case SetInvites m:
                Begin(ref writer, ControlType.SetInvites);
                WriteEntries(ref writer, m.Entries);
                WriteEnded(ref writer, m.Ended);
                break;
            case SetDoorNonce m:
                Begin(ref writer, ControlType.SetDoorNonce);
                writer.WriteUInt64(m.DoorNonce);
                break;
            case PairOpened m:
                Begin(ref writer, ControlType.PairOpened);
                writer.WriteUInt64(m.Handle);
                writer.WriteUInt64(m.InviteId.Value);
                writer.WriteAddress(m.Client);
                break;
            case PairClosed m:
                Begin(ref writer, ControlType.PairClosed);
                writer.WriteUInt64(m.Handle);
                writer.WriteByte((byte)m.Reason);
                break;
            case Displaced:
                Begin(ref writer, ControlType.Displaced);
                break;
            case ShuttingDown:
                Begin(ref writer, ControlType.ShuttingDown);
                break;
            case Ping m:
                Begin(ref writer, ControlType.Ping);
                writer.WriteUInt64(m.Echo);
                break;
            case Pong m:
                Begin(ref writer, ControlType.Pong);
                writer.WriteUInt64(m.Echo);
                break;
            case DoorNonceChanged m:
                Begin(ref writer, ControlType.DoorNonceChanged);
                writer.WriteUInt64(m.DoorNonce);
                break;
            default:
                throw new ArgumentException("A message without a codec: " + message.GetType().Name, nameof(message));
        }
        return writer.Written.ToArray();
    }

    /// <summary>Reads a message. Bytes behind the last known field are a later version's and are ignored.</summary>
    public static ControlReadStatus TryRead(ReadOnlySpan<byte> bytes, out ControlMessage? message)
    {
        message = null;
        var reader = new WireReader(bytes);
        if (bytes.Length > MaxMessageLength || !reader.TryReadUInt16(out ushort type))
            return ControlReadStatus.Malformed;
        switch ((ControlType)type)
        {
            case ControlType.ServerHello:
                message = ReadServerHello(ref reader);
                break;
            case ControlType.Register:
                message = ReadRegister(reader.Rest);
                break;
            case ControlType.Registered:
                if (reader.TryReadUInt64(out ulong binding) && reader.TryReadArray(KeyLength, out byte[] bindingKey)
                    && reader.TryReadAddress(out UdpAddress host) && reader.TryReadUInt16(out ushort maxPairs))
                {
                    message = new Registered(binding, bindingKey, host, maxPairs);
                }
                break;
            case ControlType.Open:
                message = ReadOpen(reader.Rest);
                break;
            case ControlType.Opened:
                if (reader.TryReadUInt64(out ulong pair) && reader.TryReadArray(KeyLength, out byte[] pairKey)
                    && reader.TryReadUInt64(out ulong nonce) && reader.TryReadAddress(out UdpAddress observed))
                {
                    message = new Opened(pair, pairKey, nonce, observed);
                }
                break;
            case ControlType.Error:
                if (reader.TryReadUInt16(out ushort code) && reader.TryReadShortText(out string text))
                {
                    byte[] endProof = [];
                    if ((ControlError)code == ControlError.UnknownInvite)
                        reader.TryReadArray(InviteKeys.EndProofLength, out endProof);
                    message = new ErrorMessage((ControlError)code, text) { EndProof = endProof };
                }
                break;
            case ControlType.SetInvites:
                if (TryReadEntries(ref reader, out List<RelayEntry> entries) && TryReadEnded(ref reader, out List<EndedEntry> ended))
                    message = new SetInvites(entries, ended);
                break;
            case ControlType.SetDoorNonce:
                if (reader.TryReadUInt64(out ulong drawn))
                    message = new SetDoorNonce(drawn);
                break;
            case ControlType.PairOpened:
                if (reader.TryReadUInt64(out ulong opened) && reader.TryReadUInt64(out ulong invite) && reader.TryReadAddress(out UdpAddress client))
                    message = new PairOpened(opened, new InviteId(invite), client);
                break;
            case ControlType.PairClosed:
                if (reader.TryReadUInt64(out ulong closed) && reader.TryReadByte(out byte reason))
                    message = new PairClosed(closed, (PairCloseReason)reason);
                break;
            case ControlType.Displaced:
                message = new Displaced();
                break;
            case ControlType.ShuttingDown:
                message = new ShuttingDown();
                break;
            case ControlType.Ping:
                if (reader.TryReadUInt64(out ulong ping))
                    message = new Ping(ping);
                break;
            case ControlType.Pong:
                if (reader.TryReadUInt64(out ulong pong))
                    message = new Pong(pong);
                break;
            case ControlType.DoorNonceChanged:
                if (reader.TryReadUInt64(out ulong changed))
                    message = new DoorNonceChanged(changed);
                break;
            default:
                return (type & Critical) != 0 ? ControlReadStatus.UnknownCritical : ControlReadStatus.Skip;
        }
        return message is null ? ControlReadStatus.Malformed : ControlReadStatus.Ok;
    }

    /// <summary>The part of a REGISTER that its proofs cover.</summary>
    public static byte[] WriteContent(Register m)
    {
        byte[] buffer = new byte[MaxMessageLength];
        var writer = new WireWriter(buffer);
        writer.WriteByte(m.Version);
        writer.WriteUInt64(m.Features);
        writer.WriteBytes(m.Nonce);
        writer.WriteShortText(m.Name);
        writer.WriteBytes(m.PublicKey);
        writer.WriteUInt64(m.DoorNonce);
        writer.WriteShortText(m.ProgramVersion);
        WriteEntries(ref writer, m.Entries);
        return writer.Written.ToArray();
    }

    /// <summary>The part of an OPEN that its MAC covers.</summary>
    public static byte[] WriteContent(Open m)
    {
        byte[] buffer = new byte[MaxMessageLength];
        var writer = new WireWriter(buffer);
        writer.WriteByte(m.Version);
        writer.WriteUInt64(m.Features);
        writer.WriteBytes(m.Nonce);
        writer.WriteShortText(m.Name);
        writer.WriteBytes(m.HostId);
        writer.WriteUInt64(m.InviteId.Value);
        writer.WriteShortText(m.ProgramVersion);
        return writer.Written.ToArray();
    }

    private static void Begin(ref WireWriter writer, ControlType type) => writer.WriteUInt16((ushort)type);

    private static void WriteEntries(ref WireWriter writer, IReadOnlyList<RelayEntry> entries)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(entries.Count, MaxEntries, nameof(entries));
        writer.WriteUInt16((ushort)entries.Count);
        foreach (RelayEntry entry in entries)
        {
            writer.WriteUInt64(entry.Id.Value);
            writer.WriteBytes(entry.RelayKey);
        }
    }

    private static bool TryReadEntries(ref WireReader reader, out List<RelayEntry> entries)
    {
        entries = [];
        if (!reader.TryReadUInt16(out ushort count) || count > MaxEntries)
            return false;
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadUInt64(out ulong id) || !reader.TryReadArray(InviteKeys.RelayKeyLength, out byte[] key))
                return false;
            entries.Add(new RelayEntry(new InviteId(id), key));
        }
        return true;
    }

    private static void WriteEnded(ref WireWriter writer, IReadOnlyList<EndedEntry> ended)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ended.Count, MaxEnded, nameof(ended));
        writer.WriteByte((byte)ended.Count);
        foreach (EndedEntry entry in ended)
        {
            writer.WriteUInt64(entry.Id.Value);
            writer.WriteBytes(entry.EndProof);
        }
    }

    private static bool TryReadEnded(ref WireReader reader, out List<EndedEntry> ended)
    {
        ended = [];
        if (!reader.TryReadByte(out byte count) || count > MaxEnded)
            return false;
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadUInt64(out ulong id) || !reader.TryReadArray(InviteKeys.EndProofLength, out byte[] proof))
                return false;
            ended.Add(new EndedEntry(new InviteId(id), proof));
        }
        return true;
    }

    private static ServerHello? ReadServerHello(ref WireReader reader)
    {
        if (!reader.TryReadByte(out byte lowest) || !reader.TryReadByte(out byte highest) || !reader.TryReadUInt64(out ulong features)
            || !reader.TryReadArray(NonceLength, out byte[] nonce) || !reader.TryReadUInt16(out ushort udp) || !reader.TryReadUInt16(out ushort alternate)
            || !reader.TryReadByte(out byte count) || count > MaxAddresses)
        {
            return null;
        }
        var addresses = new UdpAddress[count];
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadAddress(out addresses[i]))
                return null;
        }
        return reader.TryReadShortText(out string version) ? new ServerHello(lowest, highest, features, nonce, udp, alternate, addresses, version) : null;
    }

    private static Register? ReadRegister(ReadOnlySpan<byte> body)
    {
        var reader = new WireReader(body);
        if (!reader.TryReadByte(out byte version) || !reader.TryReadUInt64(out ulong features) || !reader.TryReadArray(NonceLength, out byte[] nonce)
            || !reader.TryReadShortText(out string name) || !reader.TryReadArray(HostIdentity.PublicKeyInfoLength, out byte[] publicKey)
            || !reader.TryReadUInt64(out ulong doorNonce) || !reader.TryReadShortText(out string program)
            || !TryReadEntries(ref reader, out List<RelayEntry> entries))
        {
            return null;
        }
        byte[] content = body[..^reader.Rest.Length].ToArray();
        if (!reader.TryReadByte(out byte proofLength) || proofLength is not (0 or MacLength) || !reader.TryReadArray(proofLength, out byte[] proof)
            || !reader.TryReadByte(out byte signatureLength) || !reader.TryReadArray(signatureLength, out byte[] signature)
            || !TryReadEnded(ref reader, out List<EndedEntry> ended))
        {
            return null;
        }
        return new Register(version, features, nonce, name, publicKey, doorNonce, program, entries)
        {
            Content = content, PasswordProof = proof, Signature = signature, Ended = ended,
        };
    }

    private static Open? ReadOpen(ReadOnlySpan<byte> body)
    {
        var reader = new WireReader(body);
        if (!reader.TryReadByte(out byte version) || !reader.TryReadUInt64(out ulong features) || !reader.TryReadArray(NonceLength, out byte[] nonce)
            || !reader.TryReadShortText(out string name) || !reader.TryReadArray(Invite.HostIdLength, out byte[] hostId)
            || !reader.TryReadUInt64(out ulong inviteId) || !reader.TryReadShortText(out string program))
        {
            return null;
        }
        byte[] content = body[..^reader.Rest.Length].ToArray();
        return reader.TryReadArray(MacLength, out byte[] mac)
            ? new Open(version, features, nonce, name, hostId, new InviteId(inviteId), program) { Content = content, Mac = mac }
            : null;
    }
}
