using Punchline.Invites;
using Punchline.Quic;
using Punchline.Quic.Wire;

namespace Punchline.Protocol;

/// <summary>An invite, or a friend, as a server knows it.</summary>
internal readonly record struct RelayEntry(InviteId Id, byte[] RelayKey)
{
    public static bool TryReadAll(scoped ref WireReader reader, out List<RelayEntry> entries)
    {
        entries = [];
        if (!reader.TryReadUInt16(out ushort count) || count > ControlCodec.MaxEntries)
            return false;
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadUInt64(out ulong id) || !reader.TryReadArray(InviteKeys.RelayKeyLength, out byte[] key))
                return false;
            entries.Add(new RelayEntry(new InviteId(id), key));
        }
        return true;
    }

    public static void WriteAll(scoped ref WireWriter writer, IReadOnlyList<RelayEntry> entries)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(entries.Count, ControlCodec.MaxEntries, nameof(entries));
        writer.WriteUInt16((ushort)entries.Count);
        foreach (RelayEntry entry in entries)
        {
            writer.WriteUInt64(entry.Id.Value);
            writer.WriteBytes(entry.RelayKey);
        }
    }
}

/// <summary>An invite or a friend that has ended, with what tells its holder so (InviteKeys.EndProof).</summary>
internal readonly record struct EndedEntry(InviteId Id, byte[] EndProof)
{
    public static bool TryReadAll(scoped ref WireReader reader, out List<EndedEntry> ended)
    {
        ended = [];
        if (!reader.TryReadByte(out byte count) || count > ControlCodec.MaxEnded)
            return false;
        for (int i = 0; i < count; i++)
        {
            if (!reader.TryReadUInt64(out ulong id) || !reader.TryReadArray(InviteKeys.EndProofLength, out byte[] proof))
                return false;
            ended.Add(new EndedEntry(new InviteId(id), proof));
        }
        return true;
    }

    public static void WriteAll(scoped ref WireWriter writer, IReadOnlyList<EndedEntry> ended)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ended.Count, ControlCodec.MaxEnded, nameof(ended));
        writer.WriteByte((byte)ended.Count);
        foreach (EndedEntry entry in ended)
        {
            writer.WriteUInt64(entry.Id.Value);
            writer.WriteBytes(entry.EndProof);
        }
    }
}

/// <summary>A host registers: fields, then the proofs that cover them.</summary>
internal sealed record Register(byte Version, ControlFeatures Features, byte[] Nonce, string Name, byte[] PublicKey, ulong DoorNonce, string ProgramVersion,
    IReadOnlyList<RelayEntry> Entries) : ControlMessage(ControlType.Register)
{
    /// <summary>The bytes as they came, if they did: a proof covers these, not what we would write.</summary>
    private readonly byte[]? _received;

    private Register(Register fields, byte[] received)
        : this(fields) => _received = received;

    /// <summary>What signature and password proof cover: the bytes in front of them. Of a message of ours always its fields as they are.</summary>
    public byte[] Content => _received ?? ControlCodec.Bytes(this, static (scoped ref writer, message) => message.WriteContent(ref writer));

    /// <summary>32 bytes, or none.</summary>
    public byte[] PasswordProof { get; init; } = [];

    /// <summary>DER.</summary>
    public byte[] Signature { get; init; } = [];

    /// <summary>The last ends. Not signed: each proof speaks for itself.</summary>
    public IReadOnlyList<EndedEntry> Ended { get; init; } = [];

    public static Register? Read(WireReader body)
    {
        ReadOnlySpan<byte> whole = body.Rest;
        if (!body.TryReadByte(out byte version) || !body.TryReadUInt64(out ulong features) || !body.TryReadArray(ControlCodec.NonceLength, out byte[] nonce)
            || !body.TryReadShortText(out string name) || !body.TryReadArray(PeerIdentity.PublicKeyInfoLength, out byte[] publicKey)
            || !body.TryReadUInt64(out ulong doorNonce) || !body.TryReadShortText(out string program)
            || !RelayEntry.TryReadAll(ref body, out List<RelayEntry> entries))
        {
            return null;
        }
        byte[] content = whole[..^body.Remaining].ToArray();
        if (!body.TryReadByte(out byte proofLength) || proofLength is not (0 or ControlCodec.MacLength) || !body.TryReadArray(proofLength, out byte[] proof)
            || !body.TryReadByte(out byte signatureLength) || !body.TryReadArray(signatureLength, out byte[] signature)
            || !EndedEntry.TryReadAll(ref body, out List<EndedEntry> ended))
        {
            return null;
        }
        var fields = new Register(version, (ControlFeatures)features, nonce, name, publicKey, doorNonce, program, entries)
        {
            PasswordProof = proof, Signature = signature, Ended = ended,
        };
        return new Register(fields, content);
    }

    public override void WriteBody(scoped ref WireWriter writer)
    {
        WriteContent(ref writer);
        writer.WriteByte((byte)PasswordProof.Length);
        writer.WriteBytes(PasswordProof);
        writer.WriteByte((byte)Signature.Length);
        writer.WriteBytes(Signature);
        EndedEntry.WriteAll(ref writer, Ended);
    }

    private void WriteContent(scoped ref WireWriter writer)
    {
        writer.WriteByte(Version);
        writer.WriteUInt64((ulong)Features);
        writer.WriteBytes(Nonce);
        writer.WriteShortText(Name);
        writer.WriteBytes(PublicKey);
        writer.WriteUInt64(DoorNonce);
        writer.WriteShortText(ProgramVersion);
        RelayEntry.WriteAll(ref writer, Entries);
    }
}

/// <summary>The host is in the directory.</summary>
internal sealed record Registered(ulong Handle, byte[] Key, UdpAddress Observed, ushort MaxPairs) : ControlMessage(ControlType.Registered)
{
    public static Registered? Read(WireReader body) =>
        body.TryReadUInt64(out ulong handle) && body.TryReadArray(ControlCodec.KeyLength, out byte[] key)
        && body.TryReadAddress(out UdpAddress observed) && body.TryReadUInt16(out ushort maxPairs)
            ? new Registered(handle, key, observed, maxPairs)
            : null;

    public override void WriteBody(scoped ref WireWriter writer)
    {
        writer.WriteUInt64(Handle);
        writer.WriteBytes(Key);
        writer.WriteAddress(Observed);
        writer.WriteUInt16(MaxPairs);
    }
}

/// <summary>The host's invites changed.</summary>
internal sealed record SetInvites(IReadOnlyList<RelayEntry> Entries, IReadOnlyList<EndedEntry> Ended) : ControlMessage(ControlType.SetInvites)
{
    public static SetInvites? Read(WireReader body) =>
        RelayEntry.TryReadAll(ref body, out List<RelayEntry> entries) && EndedEntry.TryReadAll(ref body, out List<EndedEntry> ended)
            ? new SetInvites(entries, ended)
            : null;

    public override void WriteBody(scoped ref WireWriter writer)
    {
        RelayEntry.WriteAll(ref writer, Entries);
        EndedEntry.WriteAll(ref writer, Ended);
    }
}

/// <summary>The host drew a new door nonce.</summary>
internal sealed record SetDoorNonce(ulong DoorNonce) : ControlMessage(ControlType.SetDoorNonce)
{
    public static SetDoorNonce? Read(WireReader body) => body.TryReadUInt64(out ulong nonce) ? new SetDoorNonce(nonce) : null;

    public override void WriteBody(scoped ref WireWriter writer) => writer.WriteUInt64(DoorNonce);
}
