using System.Security.Cryptography;
using Punchline.Protocol;
using Punchline.Quic;

namespace Punchline.Invites;

/// <summary>
/// The host's admission policy (DESIGN section 3): looks at the token of an Initial packet before any public-key operation and before
/// any state, and answers nothing to whoever has no valid one (RFC 9000 sections 8.1.3, 8.1.4 and 21.3). No I/O; one driver loop owns it.
/// </summary>
internal sealed class Door : IAdmission, IDisposable
{
    /// <summary>Unfinished handshakes for one invite, friends who came by it included: each needs one for each server, for a fraction of a second.</summary>
    public const int MaxHandshakesPerInvite = 4;

    /// <summary>Connections by the invite itself: friends that did not get a secret of their own yet, and their reconnects.</summary>
    public const int MaxConnectionsPerInvite = 8;

    /// <summary>
    /// Connections of one friend: the one in use, and some that died unheard. With <see cref="InviteStore.MaxFriendsPerInvite"/> it bounds
    /// what an invite can ever hold at 264, and no friend takes another's.
    /// </summary>
    public const int MaxConnectionsPerFriend = 4;

    /// <summary>New handshakes for one invite, or one friend, in a second: each costs us an ECDSA signature and a key agreement.</summary>
    public const double HandshakesPerSecond = 2;

    /// <summary>As many at once as may be unfinished, so that a race of several servers is not held up.</summary>
    public const double HandshakeBurst = MaxHandshakesPerInvite;

    /// <summary>For an invite with all its friends: after a restart of the host 64 of them are back within 8 s, at 0.3 % of a core.</summary>
    public const double FamilyHandshakesPerSecond = 8;

    /// <summary>From here on a client must show that it receives at its address (Retry): 16 handshakes are some 30 ms of one core.</summary>
    public const int RetryThreshold = 16;

    /// <summary>Unfinished handshakes in all: the end, whatever the tokens.</summary>
    public const int MaxHandshakes = 64;

    /// <summary>
    /// Tokens that name an invite (or friend) of ours but do not open: each costs some 3 µs, so this is 0.2 % of a core. Invite ids travel in
    /// the clear, so a watcher can make them; each has a budget of its own, and all that have ended share one, so that who is
    /// flooded harms nobody else.
    /// </summary>
    public const double MaxFailuresPerSecond = 500;

    /// <summary>Refusals with a reason in a second, for the whole host: courtesy, not service.</summary>
    public const double RefusalsPerSecond = 1;

    /// <summary>A Retry costs one round trip; through a relay, with one loss, that is well under this.</summary>
    public static readonly TimeSpan RetryLifetime = TimeSpan.FromSeconds(10);

    private readonly IDoorRecords _records;
    private readonly IRandomness _randomness;
    private readonly ReadOnlyMemory<byte> _hostId;
    private readonly AesGcm _retryKey;
    private readonly ReplayMemory _replays = new();
    private readonly Dictionary<InviteId, Account> _accounts = [];
    private readonly Dictionary<InviteId, Family> _families = [];
    private TokenBucket _endedFailures;
    private TokenBucket _refusals;
    private int _handshakes;

    /// <param name="records">Invites, friends, tombstones.</param>
    /// <param name="hostId">Our own peer id.</param>
    /// <param name="randomness">Nonces and the Retry key.</param>
    /// <param name="now">The time.</param>
    public Door(IDoorRecords records, ReadOnlyMemory<byte> hostId, IRandomness randomness, Instant now)
    {
        _records = records;
        _hostId = hostId;
        _randomness = randomness;
        Nonces = new DoorNonces(randomness, now);
        Span<byte> key = stackalloc byte[16];
        randomness.FillSecret(key);
        _retryKey = new AesGcm(key, DoorToken.TagLength);
        CryptographicOperations.ZeroMemory(key);
        _endedFailures = new TokenBucket(MaxFailuresPerSecond, MaxFailuresPerSecond, now);
        _refusals = new TokenBucket(RefusalsPerSecond, 1, now);
    }

    /// <summary>The nonces to publish; <see cref="Advance"/> keeps them.</summary>
    public DoorNonces Nonces { get; }

    /// <summary>Handshakes that are not finished.</summary>
    public int UnfinishedHandshakes => _handshakes;

    /// <summary>Draws a new nonce when it is time, and forgets what only the old ones needed.</summary>
    /// <returns>True if the current nonce is to be published.</returns>
    public bool Advance(Instant now)
    {
        if (!Nonces.Advance(now))
            return false;
        _replays.Forget(Nonces);
        foreach ((InviteId id, Account account) in _accounts)
        {
            if (account.IsIdle(now))
            {
                account.Dispose();
                _accounts.Remove(id);
            }
        }
        foreach ((InviteId id, Family family) in _families)
        {
            if (family.IsIdle(now))
                _families.Remove(id);
        }
        return true;
    }

    /// <inheritdoc/>
    public AdmissionVerdict Admit(in InitialFacts facts)
    {
        var ignore = new AdmissionVerdict { Action = AdmissionAction.Ignore, RefusalReason = "" };
        Instant now = facts.Now;
        Advance(now);
        if (!DoorToken.TryReadHeader(facts.Token, out DoorTokenKind kind, out InviteId id) || _records.Find(id) is not { } record)
            return ignore;
        Account account = AccountOf(record, now);
        Span<byte> peer = stackalloc byte[DoorToken.PeerIdLength];
        ref TokenBucket failures = ref record.HasEnded ? ref _endedFailures : ref account.Failures;
        if (!TryOpen(facts, kind, account, ref failures, peer, out ulong nonce, out ConnectionId original))
            return ignore;
        if (!Nonces.IsValid(nonce) || _replays.Contains(nonce, original))
            return ignore;
        if (record.EndProof is { } endProof)
            return Refuse(endProof, nonce, id, original, now) ?? ignore;
        // A friend's secret is the friend's alone.
        if (record.PeerId is { } friend && !peer.SequenceEqual(friend))
            return ignore;
        Family family = FamilyOf(record, now);
        int maxConnections = record.PeerId is null ? MaxConnectionsPerInvite : MaxConnectionsPerFriend;
        if (_handshakes >= MaxHandshakes || family.Handshakes >= MaxHandshakesPerInvite || account.Connections >= maxConnections)
            return ignore;
        if (kind == DoorTokenKind.Invite && _handshakes >= RetryThreshold)
            return TryTakeRate(account, family, now) ? Retry(facts, id, nonce, peer) : ignore;
        // A retried handshake has paid already, when its Retry was sent.
        if (kind == DoorTokenKind.Invite && !TryTakeRate(account, family, now))
            return ignore;
        return _replays.TryAdd(nonce, id, original) ? Accept(account, family, record, peer, kind, original) : ignore;
    }

    /// <inheritdoc/>
    public void OnHandshakeEnded(object? tag, bool established)
    {
        if (tag is not DoorPass { HandshakePending: true } pass)
            return;
        pass.HandshakePending = false;
        _handshakes--;
        if (_families.TryGetValue(pass.Family, out Family? family))
            family.Handshakes--;
    }

    /// <inheritdoc/>
    /// <remarks>
    /// A ticket is bound to the invite or friend by which its client came. The friend's own secret follows the invite's, so a friend
    /// also comes back with tickets from before, as long as that invite is open.
    /// </remarks>
    public bool MayResume(object? tag, ReadOnlySpan<byte> binding)
    {
        if (tag is not DoorPass pass || binding.Length != Invite.IdLength)
            return false;
        var boundTo = InviteId.Read(binding);
        return (boundTo == pass.Invite || boundTo == pass.Family) && IsOpen(boundTo) && IsOpen(pass.Invite);
    }

    /// <inheritdoc/>
    public void OnConnectionEnded(object? tag)
    {
        OnHandshakeEnded(tag, established: false);
        if (tag is not DoorPass { Open: true } pass)
            return;
        pass.Open = false;
        if (_accounts.TryGetValue(pass.Invite, out Account? account))
            account.Connections--;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _retryKey.Dispose();
        foreach (Account account in _accounts.Values)
            account.Dispose();
        _accounts.Clear();
    }

    private bool TryOpen(
        in InitialFacts facts, DoorTokenKind kind, Account account, ref TokenBucket failures, Span<byte> peer, out ulong nonce, out ConnectionId original)
    {
        nonce = 0;
        original = facts.Destination;
        // The budget is looked at first and paid only by what fails: valid tokens never run out of it by themselves.
        TokenBucket paid = failures;
        if (!paid.TryTake(facts.Now))
            return false;
        bool opened;
        if (kind == DoorTokenKind.Invite)
        {
            opened = DoorToken.TryOpen(account.Key, facts.Token, _hostId.Span, facts.Destination, out nonce, peer);
        }
        else
        {
            opened = RetryToken.TryOpen(_retryKey, facts.Token, _hostId.Span, out RetryFacts retry, peer);
            if (opened)
            {
                nonce = retry.DoorNonce;
                original = retry.Original;
                uint age = (Seconds(facts.Now) - retry.Seconds) & RetryToken.SecondsMask;
                opened = age <= RetryLifetime.TotalSeconds && RetryToken.SamePath(retry.Path, facts.Path);
            }
        }
        if (!opened)
            failures = paid;
        return opened;
    }

    private static bool TryTakeRate(Account account, Family family, Instant now)
    {
        TokenBucket before = account.Rate;
        if (!account.Rate.TryTake(now))
            return false;
        if (family.Rate.TryTake(now))
            return true;
        account.Rate = before;
        return false;
    }

    private AdmissionVerdict Accept(Account account, Family family, DoorRecord record, ReadOnlySpan<byte> peer, DoorTokenKind kind, in ConnectionId original)
    {
        family.Handshakes++;
        account.Connections++;
        _handshakes++;
        return new AdmissionVerdict
        {
            Action = AdmissionAction.Accept,
            ExpectedPeerId = peer.ToArray(),
            Tag = new DoorPass(record),
            TicketBinding = record.Id.ToArray(),
            OriginalDestination = kind == DoorTokenKind.Retry ? original : null,
            AddressValidated = kind == DoorTokenKind.Retry,
            RefusalReason = "",
        };
    }

    private AdmissionVerdict Retry(in InitialFacts facts, InviteId id, ulong nonce, ReadOnlySpan<byte> peer)
    {
        Span<byte> gcmNonce = stackalloc byte[12];
        _randomness.FillPublic(gcmNonce);
        var sealedFacts = new RetryFacts(nonce, facts.Destination, RetryPath.Of(facts.Path), Seconds(facts.Now));
        return new AdmissionVerdict
        {
            Action = AdmissionAction.Retry,
            RetryToken = RetryToken.Seal(_retryKey, gcmNonce, id, _hostId.Span, peer, sealedFacts),
            RefusalReason = "",
        };
    }

    private AdmissionVerdict? Refuse(byte[] endProof, ulong nonce, InviteId id, in ConnectionId original, Instant now)
    {
        if (!_refusals.TryTake(now) || !_replays.TryAdd(nonce, id, original))
            return null;
        return new AdmissionVerdict
        {
            Action = AdmissionAction.Refuse,
            RefusalCode = Refusal.Ended,
            RefusalReason = Refusal.Text(endProof),
        };
    }

    private bool IsOpen(InviteId id) => _records.Find(id) is { HasEnded: false };

    // Made for ids of ours only, of which the store bounds the number.
    private Account AccountOf(DoorRecord record, Instant now)
    {
        if (_accounts.TryGetValue(record.Id, out Account? account))
            return account;
        return _accounts[record.Id] = new Account(new AesGcm(record.DoorKey.Span, DoorToken.TagLength), now);
    }

    private Family FamilyOf(DoorRecord record, Instant now)
    {
        if (!_families.TryGetValue(record.Family, out Family? family))
            _families[record.Family] = family = new Family(now);
        return family;
    }

    private static uint Seconds(Instant now) => (uint)(now.Ticks / TimeSpan.TicksPerSecond) & RetryToken.SecondsMask;

    /// <summary>What one invite itself, or one friend, uses of its limits, and its key made ready.</summary>
    private sealed class Account(AesGcm key, Instant now) : IDisposable
    {
        public AesGcm Key { get; } = key;

        public TokenBucket Rate = new(HandshakesPerSecond, HandshakeBurst, now);

        public TokenBucket Failures = new(MaxFailuresPerSecond, MaxFailuresPerSecond, now);

        public int Connections { get; set; }

        public bool IsIdle(Instant now) => Connections == 0 && Rate.IsFull(now) && Failures.IsFull(now);

        public void Dispose() => Key.Dispose();
    }

    /// <summary>What an invite uses together with all friends who came by it.</summary>
    private sealed class Family(Instant now)
    {
        public TokenBucket Rate = new(FamilyHandshakesPerSecond, FamilyHandshakesPerSecond, now);

        public int Handshakes { get; set; }

        public bool IsIdle(Instant now) => Handshakes == 0 && Rate.IsFull(now);
    }
}
