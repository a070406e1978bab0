using System.Diagnostics.CodeAnalysis;

namespace Punchline.Quic.Tls;

/// <summary>NewSessionTicket (RFC 9846 section 4.7.1). The spans lie in the message that was read.</summary>
internal ref struct NewSessionTicket
{
    /// <summary>The only max_early_data_size that QUIC knows (RFC 9001 section 4.6.1).</summary>
    private const uint QuicEarlyData = 0xffffffff;

    public uint LifetimeSeconds;
    public uint AgeAdd;
    public ReadOnlySpan<byte> Nonce;
    public ReadOnlySpan<byte> Ticket;
    public bool AllowsEarlyData;

    /// <summary>Reads the body.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, out NewSessionTicket message, [NotNullWhen(false)] out QuicError? error)
    {
        message = default;
        var reader = new TlsReader(body);
        if (!reader.TryReadUInt32(out message.LifetimeSeconds)
            || !reader.TryReadUInt32(out message.AgeAdd)
            || !reader.TryReadVector8(out message.Nonce)
            || !reader.TryReadVector16(out message.Ticket) || message.Ticket.IsEmpty
            || !reader.TryReadVector16(out var block) || !reader.IsAtEnd)
        {
            error = TlsAlert.DecodeError.Error("a session ticket that is not well formed");
            return false;
        }
        error = message.ReadExtensions(block);
        return error is null;
    }

    private QuicError? ReadExtensions(ReadOnlySpan<byte> block)
    {
        var extensions = new ExtensionReader(block, ExtensionPlace.NewSessionTicket, default);
        while (extensions.TryNext(out var type, out var data))
        {
            if (type != ExtensionType.EarlyData)
                continue;
            var earlyData = new TlsReader(data);
            if (!earlyData.TryReadUInt32(out uint size) || !earlyData.IsAtEnd)
                return TlsAlert.DecodeError.Error("an early_data extension that is not well formed");
            if (size != QuicEarlyData)
                return QuicError.Transport(TransportErrorCode.ProtocolViolation, "a session ticket that limits early data");
            AllowsEarlyData = true;
        }
        return extensions.Error;
    }

    /// <summary>Writes the message after what the writer holds.</summary>
    /// <param name="nonce">Another one for each ticket of a connection.</param>
    public static void Write(TlsWriter writer, in IssuedTicket issued, ReadOnlySpan<byte> nonce, bool allowsEarlyData)
    {
        using (writer.Message(HandshakeType.NewSessionTicket))
        {
            writer.UInt32(issued.LifetimeSeconds);
            writer.UInt32(issued.AgeAdd);
            using (writer.Vector8())
                writer.Bytes(nonce);
            using (writer.Vector16())
                writer.Bytes(issued.Ticket);
            using (writer.Vector16())
            {
                if (!allowsEarlyData)
                    return;
                using (writer.Extension(ExtensionType.EarlyData))
                    writer.UInt32(QuicEarlyData);
            }
        }
    }
}
