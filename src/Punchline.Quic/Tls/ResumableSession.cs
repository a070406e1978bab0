using System.Text;

namespace Punchline.Quic.Tls;

/// <summary>
/// What a client keeps for one later connection: a ticket with its key, and what was agreed when it was given (RFC 9001 section 4.6,
/// RFC 9000 section 7.4.1). To the owner it is opaque bytes, and secret.
/// <code>
///   version (1) ‖ lifetime (4) ‖ age add (4) ‖ early data (1) ‖ key (32)
///     ‖ peer id (1+0 or 32) ‖ protocol (1+n) ‖ ticket (2+n) ‖ transport parameters (2+n)
/// </code>
/// </summary>
internal sealed record ResumableSession
{
    /// <summary>
    /// The longest ticket that we keep, in bytes: ours have some 150, and those of others with a certificate inside 2 KB. It has to leave
    /// room in a ClientHello.
    /// </summary>
    public const int MaxTicket = 4096;

    /// <summary>RFC 9846 section 4.7.1: none may be used for longer, whatever the server says.</summary>
    public static readonly TimeSpan LongestLifetime = TimeSpan.FromDays(7);

    private const byte Version = 1;

    /// <summary>How long the ticket is good, from when it was received.</summary>
    public required TimeSpan Lifetime { get; init; }

    /// <summary>ticket_age_add.</summary>
    public required uint AgeAdd { get; init; }

    /// <summary>The server takes 0-RTT with it.</summary>
    public required bool AllowsEarlyData { get; init; }

    /// <summary>The PSK, 32 bytes.</summary>
    public required byte[] PreSharedKey { get; init; }

    /// <summary>The server, 32 bytes.</summary>
    public required byte[] PeerId { get; init; }

    /// <summary>What was agreed by ALPN.</summary>
    public required string ApplicationProtocol { get; init; }

    /// <summary>The PSK identity.</summary>
    public required byte[] Ticket { get; init; }

    /// <summary>The server's transport parameters of the connection that gave the ticket, as they came.</summary>
    public byte[] TransportParameters { get; init; } = [];

    /// <summary>Whether the ticket may be used at this age (RFC 9846 section 4.3.11.1).</summary>
    public bool IsInTime(TimeSpan age) => age >= TimeSpan.Zero && age < Lifetime && age < LongestLifetime;

    /// <summary>The encoding.</summary>
    public byte[] Write()
    {
        var writer = new TlsWriter();
        writer.Byte(Version);
        writer.UInt32((uint)Lifetime.TotalSeconds);
        writer.UInt32(AgeAdd);
        writer.Byte(AllowsEarlyData ? (byte)1 : (byte)0);
        writer.Bytes(PreSharedKey);
        using (writer.Vector8())
            writer.Bytes(PeerId);
        using (writer.Vector8())
            writer.Bytes(Encoding.ASCII.GetBytes(ApplicationProtocol));
        using (writer.Vector16())
            writer.Bytes(Ticket);
        using (writer.Vector16())
            writer.Bytes(TransportParameters);
        return writer.ToArray();
    }

    /// <summary>Reads an encoding. Total: it comes from a file that anybody may have touched.</summary>
    /// <returns>Null if it is not one.</returns>
    public static ResumableSession? TryRead(ReadOnlySpan<byte> bytes)
    {
        var reader = new TlsReader(bytes);
        if (!reader.TryReadByte(out byte version) || version != Version
            || !reader.TryReadUInt32(out uint lifetime)
            || !reader.TryReadUInt32(out uint ageAdd)
            || !reader.TryReadByte(out byte earlyData) || earlyData > 1
            || !reader.TryReadBytes(TlsCodes.HashLength, out var key)
            || !reader.TryReadVector8(out var peerId) || peerId.Length is not (0 or PeerIdentity.IdLength)
            || !reader.TryReadVector8(out var protocol) || protocol.IsEmpty || !Ascii.IsValid(protocol)
            || !reader.TryReadVector16(out var ticket) || ticket.Length is 0 or > MaxTicket
            || !reader.TryReadVector16(out var parameters)
            || !reader.IsAtEnd)
            return null;
        return new ResumableSession
        {
            Lifetime = TimeSpan.FromSeconds(lifetime),
            AgeAdd = ageAdd,
            AllowsEarlyData = earlyData == 1,
            PreSharedKey = key.ToArray(),
            PeerId = peerId.ToArray(),
            ApplicationProtocol = Encoding.ASCII.GetString(protocol),
            Ticket = ticket.ToArray(),
            TransportParameters = parameters.ToArray(),
        };
    }
}

/// <summary>A session that a client offers to resume.</summary>
/// <param name="Session">What it kept.</param>
/// <param name="Age">The time since the ticket was received; asked for with each ClientHello.</param>
/// <param name="WithEarlyData">It sends 0-RTT packets as well.</param>
internal sealed record OfferedSession(ResumableSession Session, Func<TimeSpan> Age, bool WithEarlyData)
{
    /// <summary>obfuscated_ticket_age (RFC 9846 section 4.3.11.1).</summary>
    public uint ObfuscatedAge => unchecked((uint)(long)Age().TotalMilliseconds + Session.AgeAdd);
}
