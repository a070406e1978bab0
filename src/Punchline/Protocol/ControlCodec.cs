using System.Buffers;
using System.Security.Cryptography;
using Punchline.Quic.Wire;

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

/// <summary>The frame around each message of the control channel: its type, and the bounds of all (docs/wire/control.md). Bodies stand with their messages.</summary>
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

    /// <summary>Writes something of a message.</summary>
    public delegate void Writing<T>(scoped ref WireWriter writer, T message);

    /// <summary>The bytes of a message.</summary>
    public static byte[] Write(ControlMessage message) => Bytes(message, static (scoped ref writer, message) =>
    {
        writer.WriteUInt16((ushort)message.Type);
        message.WriteBody(ref writer);
    });

    /// <summary>Reads a message. Bytes behind the last known field are a later version's and are ignored.</summary>
    public static ControlReadStatus TryRead(ReadOnlySpan<byte> bytes, out ControlMessage? message)
    {
        message = null;
        var body = new WireReader(bytes);
        if (bytes.Length > MaxMessageLength || !body.TryReadUInt16(out ushort type))
            return ControlReadStatus.Malformed;
        switch ((ControlType)type)
        {
            case ControlType.ServerHello: message = ServerHello.Read(body); break;
            case ControlType.Register: message = Register.Read(body); break;
            case ControlType.Registered: message = Registered.Read(body); break;
            case ControlType.Open: message = Open.Read(body); break;
            case ControlType.Opened: message = Opened.Read(body); break;
            case ControlType.Error: message = ErrorMessage.Read(body); break;
            case ControlType.SetInvites: message = SetInvites.Read(body); break;
            case ControlType.SetDoorNonce: message = SetDoorNonce.Read(body); break;
            case ControlType.PairOpened: message = PairOpened.Read(body); break;
            case ControlType.PairClosed: message = PairClosed.Read(body); break;
            case ControlType.Displaced: message = new Displaced(); break;
            case ControlType.ShuttingDown: message = ShuttingDown.Read(body); break;
            case ControlType.Ping: message = Ping.Read(body); break;
            case ControlType.Pong: message = Pong.Read(body); break;
            case ControlType.Attest: message = Attest.Read(body); break;
            case ControlType.Attested: message = Attested.Read(body); break;
            case ControlType.RelayLimit: message = RelayLimit.Read(body); break;
            default: return (type & Critical) != 0 ? ControlReadStatus.UnknownCritical : ControlReadStatus.Skip;
        }
        return message is null ? ControlReadStatus.Malformed : ControlReadStatus.Ok;
    }

    /// <summary>What a writing writes, in an array of its own.</summary>
    public static byte[] Bytes<T>(T message, Writing<T> writing)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(MaxMessageLength);
        try
        {
            var writer = new WireWriter(buffer.AsSpan(0, MaxMessageLength));
            writing(ref writer, message);
            byte[] bytes = writer.Written.ToArray();
            // Relay keys pass through here, and the next borrower is anybody.
            CryptographicOperations.ZeroMemory(writer.Written);
            return bytes;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
