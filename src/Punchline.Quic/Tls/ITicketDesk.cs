using System.Diagnostics.CodeAnalysis;

namespace Punchline.Quic.Tls;

/// <summary>Where a server's handshake has tickets looked at and made: it knows the time, the door and who is expected, as TLS does not.</summary>
internal interface ITicketDesk
{
    /// <summary>How many tickets a client gets once it is verified.</summary>
    int TicketsPerConnection { get; }

    /// <summary>Whether new tickets allow 0-RTT.</summary>
    bool OffersEarlyData { get; }

    /// <summary>
    /// Looks at the ticket of a ClientHello: ours, in time, of the client that is expected, and still welcome. Changes nothing, as
    /// nothing proves yet that the sender holds its key.
    /// </summary>
    bool TryOpen(ReadOnlySpan<byte> ticket, [NotNullWhen(true)] out SealedSession? session);

    /// <summary>The binder was right: the ticket is used up.</summary>
    /// <returns>False if it was already.</returns>
    bool TrySpend(SealedSession session);

    /// <summary>Whether 0-RTT may be taken under the session (RFC 9846 section 4.3.10).</summary>
    /// <param name="session">It was spent just now.</param>
    /// <param name="obfuscatedAge">obfuscated_ticket_age as the client sent it.</param>
    bool TakesEarlyData(SealedSession session, uint obfuscatedAge);

    /// <summary>Seals a new ticket.</summary>
    /// <param name="preSharedKey">Its key; the callee copies it.</param>
    /// <param name="peerId">The verified client.</param>
    /// <param name="resumed">The session that this connection resumed, or null after a full handshake.</param>
    /// <param name="ticket">What goes to the client, without its nonce.</param>
    /// <returns>False if there is none to be had.</returns>
    bool TryIssue(ReadOnlySpan<byte> preSharedKey, ReadOnlySpan<byte> peerId, SealedSession? resumed, out IssuedTicket ticket);
}

/// <summary>A ticket as it goes to the client.</summary>
/// <param name="Ticket">Opaque to the client.</param>
/// <param name="LifetimeSeconds">At most 7 days (RFC 9846 section 4.7.1).</param>
/// <param name="AgeAdd">Random: hides the ticket's age.</param>
internal readonly record struct IssuedTicket(byte[] Ticket, uint LifetimeSeconds, uint AgeAdd);
