using System.Diagnostics.CodeAnalysis;
using Punchline.Quic.Tls;
using Punchline.Testing;

namespace Punchline.Quic.Tests.Tls;

/// <summary>A server's tickets, as a test sets time and door.</summary>
internal sealed class TestDesk(ulong seed = 30) : ITicketDesk
{
    public TicketKeeper Keeper { get; } = new(new SeededRandomness(seed));

    public Instant Now { get; set; } = Instant.Zero + TimeSpan.FromHours(1);

    public byte[] Binding { get; set; } = [7, 7];

    /// <summary>Which bindings are still welcome.</summary>
    public Func<byte[], bool> IsWelcome { get; set; } = static _ => true;

    public byte[]? ExpectedPeer { get; set; }

    public int TicketsPerConnection { get; set; } = 2;

    public bool OffersEarlyData { get; set; } = true;

    /// <summary>The session of the ticket that was opened last.</summary>
    public SealedSession? Opened { get; private set; }

    public bool TryOpen(ReadOnlySpan<byte> ticket, [NotNullWhen(true)] out SealedSession? session)
    {
        if (Keeper.TryOpen(Now, ticket, out session) && (!IsWelcome(session.Binding) || (ExpectedPeer is { } peer && !peer.AsSpan().SequenceEqual(session.PeerId))))
            session = null;
        Opened = session;
        return session is not null;
    }

    public bool TrySpend(SealedSession session) => Keeper.TrySpend(session);

    public bool TakesEarlyData(SealedSession session, uint obfuscatedAge) => OffersEarlyData && TicketKeeper.IsFresh(Now, session, obfuscatedAge);

    public bool TryIssue(ReadOnlySpan<byte> preSharedKey, ReadOnlySpan<byte> peerId, SealedSession? resumed, out IssuedTicket ticket) =>
        Keeper.TryIssue(Now, resumed?.ProvedAt ?? Now, preSharedKey, peerId, Binding, out ticket);
}
