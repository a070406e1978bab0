using Punchline.Quic;
using Punchline.Quic.Tls;
using Punchline.Testing;

namespace Punchline.Fuzz.Targets;

/// <summary>The ticket that a client offers: nothing opens but what we sealed. The input's bytes as the sealed content come back.</summary>
internal sealed class SessionTicketTarget : IFuzzTarget
{
    private static readonly TicketKeeper Keeper = new(new SeededRandomness(1));
    private static readonly Instant Now = Instant.Zero + TimeSpan.FromHours(1);
    private static readonly byte[] Genuine = Issue();

    public string Name => "session-ticket";

    public string Reads => "session tickets, sealed and open";

    public int MaxLength => 512;

    public AllocationBound Allocation => new(4096, 4);

    public int TestRuns => 20_000;

    public IEnumerable<byte[]> Seeds()
    {
        yield return Genuine;
        foreach (int peer in (int[])[0, PeerIdentity.IdLength])
        {
            var plain = new byte[SealedSession.MaxLength];
            var session = new SealedSession
            {
                Serial = 5,
                IssuedAt = Now,
                ProvedAt = Now,
                AgeAdd = 77,
                PreSharedKey = new byte[TlsCodes.HashLength],
                PeerId = new byte[peer],
                Binding = [1, 2, 3, 4, 5, 6, 7, 8],
            };
            yield return plain[..session.Write(plain)];
        }
    }

    public void Run(ReadOnlySpan<byte> input)
    {
        if (Keeper.TryOpen(Now, input, out _))
            Check.Same(Genuine, input, "a forged ticket opens");
        if (SealedSession.TryRead(input, keyNumber: 0) is not { } session)
            return;
        Span<byte> again = stackalloc byte[SealedSession.MaxLength];
        Check.Same(input, again[..session.Write(again)], "a ticket's content does not come back");
    }

    private static byte[] Issue()
    {
        Check.That(Keeper.TryIssue(Now, Now, new byte[TlsCodes.HashLength], TokenFacts.PeerId, [1, 2, 3, 4, 5, 6, 7, 8], out IssuedTicket issued), "no ticket");
        return issued.Ticket;
    }
}

/// <summary>What a client reads from its own file: whatever is read comes back.</summary>
internal sealed class ClientSessionTarget : IFuzzTarget
{
    public string Name => "client-session";

    public string Reads => "the sessions that a client keeps";

    public int MaxLength => 1024;

    public AllocationBound Allocation => new(8192, 8);

    public int TestRuns => 20_000;

    public IEnumerable<byte[]> Seeds()
    {
        var session = new ResumableSession
        {
            Lifetime = TimeSpan.FromDays(1),
            AgeAdd = 5,
            AllowsEarlyData = true,
            PreSharedKey = new byte[TlsCodes.HashLength],
            PeerId = TokenFacts.PeerId,
            ApplicationProtocol = "punchline/1",
            Ticket = [1, 2, 3],
            TransportParameters = [4, 1, 9],
        };
        yield return session.Write();
        yield return (session with { PeerId = [], TransportParameters = [] }).Write();
    }

    public void Run(ReadOnlySpan<byte> input)
    {
        if (ResumableSession.TryRead(input) is not { } session)
            return;
        Check.Same(input, session.Write(), "a session does not come back");
        Check.That(session.Ticket.Length <= ResumableSession.MaxTicket, "a ticket that is too long");
    }
}

/// <summary>The pre_shared_key extension: what is read lies in it, and one that is ours comes back.</summary>
internal sealed class OfferedKeysTarget : IFuzzTarget
{
    public string Name => "pre-shared-key";

    public string Reads => "the PSKs that a ClientHello offers";

    public int MaxLength => 1024;

    public AllocationBound Allocation => new(4096, 4);

    public int TestRuns => 40_000;

    public IEnumerable<byte[]> Seeds()
    {
        byte[] binder = [32, .. new byte[32]];
        byte[] identity = [0, 3, 7, 8, 9, 0, 0, 0, 1];
        yield return [0, 9, .. identity, 0, 33, .. binder];
        yield return [0, 18, .. identity, .. identity, 0, 66, .. binder, .. binder];
    }

    public void Run(ReadOnlySpan<byte> input)
    {
        if (!OfferedKeys.TryRead(input, out OfferedKeys keys))
            return;
        Check.That(!keys.Identity.IsEmpty && input.IndexOf(keys.Identity) >= 0, "an identity from elsewhere");
        Check.That(keys.Binder.Length >= TlsCodes.HashLength && input.IndexOf(keys.Binder) >= 0, "a binder from elsewhere");
        Check.That(keys.BindersLength > keys.Binder.Length && keys.BindersLength < input.Length, "binders that are longer than the extension");
        Check.That(input[^keys.BindersLength..].IndexOf(keys.Binder) >= 0, "a binder before the binders");
    }
}
