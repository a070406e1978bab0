using System.Security.Cryptography;
using System.Text;
using Punchline.Protocol;
using Punchline.Quic.Wire;

namespace Punchline.Invites;

/// <summary>The bytes of an invite behind its version: length, fields, checksum (docs/wire/invite.md).</summary>
internal static class InviteCodec
{
    public const byte Version = 1;
    public const int LengthLength = 2;
    public const int ChecksumLength = 4;

    /// <summary>Four hundred characters name eight servers; more than this is not an invite but a mistake.</summary>
    public const int MaxFieldsLength = 2048;

    private const byte Critical = 0x80;
    private const byte HostIdField = 0x81;
    private const byte InviteIdField = 0x82;
    private const byte SecretField = 0x83;
    private const byte ServerField = 0x04;

    public static byte[] Encode(Invite invite)
    {
        byte[] bytes = new byte[LengthLength + MaxFieldsLength + ChecksumLength];
        var fields = new WireWriter(bytes.AsSpan(LengthLength, MaxFieldsLength));
        WriteField(ref fields, HostIdField, invite.HostId.Span);
        WriteField(ref fields, InviteIdField, invite.Id.Span);
        WriteField(ref fields, SecretField, invite.Secret.Span);
        Span<byte> value = stackalloc byte[byte.MaxValue];
        foreach (ServerAddress server in invite.Servers)
        {
            var writer = new WireWriter(value);
            writer.WriteByte((byte)server.Scheme);
            writer.WriteUInt16((ushort)server.Port);
            writer.WriteShortText(server.Name);
            writer.WriteBytes(server.Key.Span);
            WriteField(ref fields, ServerField, writer.Written);
        }
        var head = new WireWriter(bytes);
        head.WriteUInt16((ushort)fields.Position);
        int covered = LengthLength + fields.Position;
        Checksum(Version, bytes.AsSpan(0, covered), bytes.AsSpan(covered, ChecksumLength));
        return bytes[..(covered + ChecksumLength)];
    }

    /// <summary>The first bytes of SHA-256("punchline invite" ‖ version ‖ length ‖ fields).</summary>
    public static void Checksum(byte version, ReadOnlySpan<byte> covered, Span<byte> checksum)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData("punchline invite"u8);
        hash.AppendData([version]);
        hash.AppendData(covered);
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        hash.GetHashAndReset(digest);
        digest[..ChecksumLength].CopyTo(checksum);
    }

    /// <summary>Reads the fields of an invite whose checksum was found right.</summary>
    public static InviteError ReadFields(ReadOnlySpan<byte> fields, out Invite? invite)
    {
        invite = null;
        byte[]? hostId = null;
        byte[]? id = null;
        byte[]? secret = null;
        var servers = new List<ServerAddress>();
        bool unknownScheme = false;
        var reader = new WireReader(fields);
        while (reader.TryReadByte(out byte type))
        {
            if (!reader.TryReadByte(out byte length) || !reader.TryReadBytes(length, out ReadOnlySpan<byte> value))
                return InviteError.Damaged;
            switch (type)
            {
                case HostIdField when hostId is null && length == Invite.HostIdLength:
                    hostId = value.ToArray();
                    break;
                case HostIdField:
                    return InviteError.BadHostId;
                case InviteIdField when id is null && length == Invite.IdLength:
                    id = value.ToArray();
                    break;
                case InviteIdField:
                    return InviteError.BadInviteId;
                case SecretField when secret is null && length == Invite.SecretLength:
                    secret = value.ToArray();
                    break;
                case SecretField:
                    return InviteError.BadSecret;
                case ServerField when length > 0 && value[0] > (byte)ServerScheme.Wss:
                    unknownScheme = true;
                    break;
                case ServerField:
                    if (servers.Count == Invite.MaxServers || !TryReadServer(value, out ServerAddress? server))
                        return InviteError.BadServer;
                    servers.Add(server!);
                    break;
                default:
                    if ((type & Critical) != 0)
                        return InviteError.NewerVersion;
                    break;
            }
        }
        if (hostId is null)
            return InviteError.BadHostId;
        if (id is null)
            return InviteError.BadInviteId;
        if (secret is null)
            return InviteError.BadSecret;
        if (servers.Count == 0)
            return unknownScheme ? InviteError.NewerVersion : InviteError.BadServer;
        invite = new Invite(hostId, id, secret, servers);
        return InviteError.None;
    }

    private static bool TryReadServer(ReadOnlySpan<byte> value, out ServerAddress? server)
    {
        server = null;
        var reader = new WireReader(value);
        return reader.TryReadByte(out byte scheme) && reader.TryReadUInt16(out ushort port) && reader.TryReadByte(out byte nameLength)
            && reader.TryReadBytes(nameLength, out ReadOnlySpan<byte> name)
            && ServerAddress.TryCreate((ServerScheme)scheme, Encoding.ASCII.GetString(name), port, reader.Rest.ToArray(), out server);
    }

    private static void WriteField(scoped ref WireWriter writer, byte type, scoped ReadOnlySpan<byte> value)
    {
        writer.WriteByte(type);
        writer.WriteByte((byte)value.Length);
        writer.WriteBytes(value);
    }
}
