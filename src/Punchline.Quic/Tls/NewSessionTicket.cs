namespace Punchline.Quic.Tls;

/// <summary>NewSessionTicket (RFC 9846 section 4.7.1). We offer no resumption, so a ticket is checked for its form and let go.</summary>
internal static class NewSessionTicket
{
    /// <summary>The only max_early_data_size that QUIC knows (RFC 9001 section 4.6.1).</summary>
    private const uint QuicEarlyData = 0xffffffff;

    /// <summary>Checks the body.</summary>
    public static QuicError? Check(ReadOnlySpan<byte> body)
    {
        var reader = new TlsReader(body);
        if (!reader.TryReadUInt32(out _)                             // ticket_lifetime
            || !reader.TryReadUInt32(out _)                          // ticket_age_add
            || !reader.TryReadVector8(out _)                         // ticket_nonce
            || !reader.TryReadVector16(out var ticket) || ticket.IsEmpty
            || !reader.TryReadVector16(out var block) || !reader.IsAtEnd)
            return TlsAlert.DecodeError.Error("a session ticket that is not well formed");

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
        }
        return extensions.Error;
    }
}
