using Punchline.Quic.Tls;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Tls;

/// <summary>Ticket keys, their turns, and the memory of used tickets.</summary>
public sealed class TicketKeeperTests : IDisposable
{
    private static readonly Instant Start = Instant.Zero + TimeSpan.FromMinutes(1);
    private readonly TicketKeeper _keeper = new(new SeededRandomness(1));

    public void Dispose() => _keeper.Dispose();

    [Fact]
    public void A_ticket_says_what_was_sealed()
    {
        byte[] key = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
        byte[] peer = [.. Enumerable.Repeat((byte)9, 32)];
        Assert.True(_keeper.TryIssue(Start, Start - TimeSpan.FromSeconds(5), key, peer, [1, 2, 3], out IssuedTicket issued));
        Assert.True(_keeper.TryOpen(Start, issued.Ticket, out SealedSession? session));
        Assert.Equal(key, session.PreSharedKey);
        Assert.Equal(peer, session.PeerId);
        Assert.Equal([1, 2, 3], session.Binding);
        Assert.Equal(Start, session.IssuedAt);
        Assert.Equal(Start - TimeSpan.FromSeconds(5), session.ProvedAt);
        Assert.Equal(issued.AgeAdd, session.AgeAdd);
        Assert.Equal((uint)TicketKeeper.Lifetime.TotalSeconds, issued.LifetimeSeconds);
    }

    [Fact]
    public void No_byte_of_a_ticket_can_be_changed_or_cut()
    {
        byte[] ticket = Issue(Start);
        for (int i = 0; i < ticket.Length; i++)
        {
            byte[] altered = [.. ticket];
            altered[i] ^= 1;
            Assert.False(_keeper.TryOpen(Start, altered, out _), $"byte {i}");
            Assert.False(_keeper.TryOpen(Start, ticket.AsSpan(0, i), out _));
        }
        Assert.False(_keeper.TryOpen(Start, new byte[2_000], out _));
        Assert.True(_keeper.TryOpen(Start, ticket, out _));
    }

    [Fact]
    public void A_ticket_is_used_up_once_and_its_neighbours_are_not()
    {
        byte[][] tickets = [.. Enumerable.Range(0, 130).Select(_ => Issue(Start))];
        Assert.True(_keeper.TryOpen(Start, tickets[64], out SealedSession? session));
        Assert.True(_keeper.TrySpend(session));
        Assert.False(_keeper.TrySpend(session));
        Assert.False(_keeper.TryOpen(Start, tickets[64], out _));
        for (int i = 0; i < tickets.Length; i++)
            Assert.Equal(i != 64, _keeper.TryOpen(Start, tickets[i], out _));
    }

    [Fact]
    public void A_ticket_of_a_keys_last_moment_lives_its_whole_life()
    {
        Issue(Start); // draws the key
        Instant late = Start + TicketKeeper.KeyPeriod - TimeSpan.FromTicks(1);
        byte[] ticket = Issue(late);
        Issue(Start + TicketKeeper.KeyPeriod);
        Assert.True(_keeper.TryOpen(late + TicketKeeper.Lifetime, ticket, out _));
        Assert.False(_keeper.TryOpen(late + TicketKeeper.Lifetime + TimeSpan.FromTicks(1), ticket, out _));
    }

    [Fact]
    public void A_used_ticket_stays_used_when_the_key_has_had_its_turn_and_when_it_is_gone()
    {
        Issue(Start);
        Instant late = Start + TicketKeeper.KeyPeriod - TimeSpan.FromSeconds(1);
        byte[] ticket = Issue(late);
        Assert.True(_keeper.TryOpen(late, ticket, out SealedSession? session));
        Assert.True(_keeper.TrySpend(session));
        Issue(Start + TicketKeeper.KeyPeriod);
        Assert.False(_keeper.TryOpen(Start + TicketKeeper.KeyPeriod, ticket, out _));
        Issue(Start + (2 * TicketKeeper.KeyPeriod));
        Assert.False(_keeper.TryOpen(Start + (2 * TicketKeeper.KeyPeriod), ticket, out _));
        Assert.False(_keeper.TrySpend(session));
    }

    [Fact]
    public void After_a_long_silence_the_old_keys_open_nothing()
    {
        byte[] ticket = Issue(Start);
        Instant later = Start + TimeSpan.FromDays(20);
        Issue(later);
        Assert.False(_keeper.TryOpen(later, ticket, out _));
    }

    [Fact]
    public void A_key_seals_so_many_tickets_and_then_the_next_one_has_its_turn()
    {
        for (int i = 0; i < TicketKeeper.MaxPerKey; i++)
            Assert.True(_keeper.TryIssue(Start, Start, new byte[32], default, default, out _));
        Assert.False(_keeper.TryIssue(Start, Start, new byte[32], default, default, out _));
        Instant next = Start + TicketKeeper.KeyPeriod;
        Assert.True(_keeper.TryIssue(next, next, new byte[32], default, default, out _));
    }

    [Fact]
    public void A_ticket_of_an_old_chain_ends_with_it()
    {
        Instant now = Start + TicketKeeper.LongestChain;
        Assert.True(_keeper.TryIssue(now - TimeSpan.FromHours(1), Start, new byte[32], default, default, out IssuedTicket issued));
        Assert.Equal(3_600u, issued.LifetimeSeconds);
        Assert.True(_keeper.TryOpen(now, issued.Ticket, out _));
        Assert.False(_keeper.TryOpen(now + TimeSpan.FromSeconds(1), issued.Ticket, out _));
        Assert.False(_keeper.TryIssue(now, Start, new byte[32], default, default, out _));
    }

    private byte[] Issue(Instant now)
    {
        Assert.True(_keeper.TryIssue(now, now, new byte[32], new byte[32], [5], out IssuedTicket issued));
        return issued.Ticket;
    }
}
