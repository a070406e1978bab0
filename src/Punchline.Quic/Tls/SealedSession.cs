using System.Buffers.Binary;

namespace Punchline.Quic.Tls;

/// <summary>
/// What a server's ticket says, sealed under a key that only the server has:
/// <code>
///   version (1) ‖ serial (4) ‖ issued (8) ‖ proved (8) ‖ age add (4) ‖ key (32)
///     ‖ length (1) ‖ peer id (0 or 32) ‖ length (1) ‖ binding (0 to 32)
/// </code>
/// </summary>
internal sealed class SealedSession
{
    /// <summary>The longest <see cref="Binding"/>, in bytes: a hash.</summary>
    public const int MaxBinding = 32;

    /// <summary>The longest encoding, in bytes.</summary>
    public const int MaxLength = FixedLength + 1 + PeerIdentity.IdLength + 1 + MaxBinding;

    private const byte Version = 1;
    private const int FixedLength = 1 + 4 + 8 + 8 + 4 + TlsCodes.HashLength;

    /// <summary>The ticket's number under its key: what is remembered of a used one.</summary>
    public required uint Serial { get; init; }

    /// <summary>When it was made, by the server's own clock.</summary>
    public required Instant IssuedAt { get; init; }

    /// <summary>When the client last proved its identity by a signature: a chain of resumptions does not make this younger.</summary>
    public required Instant ProvedAt { get; init; }

    /// <summary>ticket_age_add.</summary>
    public required uint AgeAdd { get; init; }

    /// <summary>The PSK, 32 bytes.</summary>
    public required byte[] PreSharedKey { get; init; }

    /// <summary>The client, 32 bytes; empty for one without a certificate (interoperation only).</summary>
    public required byte[] PeerId { get; init; }

    /// <summary>What the admission policy bound the ticket to.</summary>
    public required byte[] Binding { get; init; }

    /// <summary>The key under which it was sealed; not part of the encoding.</summary>
    public byte KeyNumber { get; init; }

    /// <summary>Writes the encoding.</summary>
    /// <param name="destination">At least <see cref="MaxLength"/> bytes.</param>
    /// <returns>Bytes written.</returns>
    public int Write(Span<byte> destination)
    {
        destination[0] = Version;
        BinaryPrimitives.WriteUInt32BigEndian(destination[1..], Serial);
        BinaryPrimitives.WriteInt64BigEndian(destination[5..], IssuedAt.Ticks);
        BinaryPrimitives.WriteInt64BigEndian(destination[13..], ProvedAt.Ticks);
        BinaryPrimitives.WriteUInt32BigEndian(destination[21..], AgeAdd);
        PreSharedKey.CopyTo(destination[25..]);
        int at = FixedLength;
        foreach (byte[] part in (ReadOnlySpan<byte[]>)[PeerId, Binding])
        {
            destination[at++] = checked((byte)part.Length);
            part.CopyTo(destination[at..]);
            at += part.Length;
        }
        return at;
    }

    /// <summary>Reads an encoding. Total, although only what we sealed comes here.</summary>
    /// <returns>Null if it is not one.</returns>
    public static SealedSession? TryRead(ReadOnlySpan<byte> bytes, byte keyNumber)
    {
        var reader = new TlsReader(bytes);
        if (!reader.TryReadByte(out byte version) || version != Version
            || !reader.TryReadUInt32(out uint serial)
            || !reader.TryReadBytes(8, out var issued)
            || !reader.TryReadBytes(8, out var proved)
            || !reader.TryReadUInt32(out uint ageAdd)
            || !reader.TryReadBytes(TlsCodes.HashLength, out var key)
            || !reader.TryReadVector8(out var peerId) || peerId.Length is not (0 or PeerIdentity.IdLength)
            || !reader.TryReadVector8(out var binding) || binding.Length > MaxBinding
            || !reader.IsAtEnd)
            return null;
        long issuedTicks = BinaryPrimitives.ReadInt64BigEndian(issued);
        long provedTicks = BinaryPrimitives.ReadInt64BigEndian(proved);
        if (issuedTicks < 0 || provedTicks < 0)
            return null;
        return new SealedSession
        {
            Serial = serial,
            IssuedAt = new Instant(issuedTicks),
            ProvedAt = new Instant(provedTicks),
            AgeAdd = ageAdd,
            PreSharedKey = key.ToArray(),
            PeerId = peerId.ToArray(),
            Binding = binding.ToArray(),
            KeyNumber = keyNumber,
        };
    }
}
