using System.Security.Cryptography;
using Punchline.Protocol;
using Punchline.Quic;

namespace Punchline.Invites;

/// <summary>
/// The host's admission policy (DESIGN section 3): looks at the token of an Initial packet before any public-key operation and before
/// any state, and answers nothing to whoever has no valid one. No I/O; one driver loop owns it.
/// </summary>
internal sealed class Door : IAdmission, IDisposable
{
    /// <summary>Unfinished handshakes for one invite: an honest friend needs one for each server in the invite, rarely more.</summary>
    public const int MaxHandshakesPerInvite = 4;

    /// <summary>Connections for one invite: friends that share it and did not get a secret of their own yet, and their reconnects.</summary>
    public const int MaxConnectionsPerInvite = 8;

    /// <summary>New handshakes for one invite in a second: each costs us an ECDSA signature and a key agreement.</summary>
    public const double HandshakesPerSecond = 2;

    /// <summary>As many at once as may be unfinished, so that a race of several servers is not held up.</summary>
    public const double HandshakeBurst = MaxHandshakesPerInvite;

    /// <summary>From here on a client must show that it receives at its address (Retry): 16 handshakes are some 30 ms of one core.</summary>
    public const int RetryThreshold = 16;

    /// <summary>Unfinished handshakes in all: the end, whatever the tokens.</summary>
    public const int MaxHandshakes = 64;

    /// <summary>Tokens that name an invite of ours but do not open: each costs some 10 µs, so this is 2 % of a core. Invite ids travel in the clear, so a watcher can make them.</summary>
    public const double MaxFailuresPerSecond = 2000;

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
    private TokenBucket _failures;
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
        _failures = new TokenBucket(MaxFailuresPerSecond, MaxFailuresPerSecond, now);
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
        if (!TryOpen(facts, kind, account, peer, out ulong nonce, out ConnectionId original))
            return ignore;
        if (!Nonces.IsValid(nonce) || _replays.Contains(nonce, original))
            return ignore;
        if (record.Refusal is { } reason)
            return Refuse(reason, nonce, id, original, now) ?? ignore;
        // A friend's secret is the friend's alone.
        if (record.PeerId is { } friend && !peer.SequenceEqual(friend.Span))
            return ignore;
        if (_handshakes >= MaxHandshakes || account.Handshakes >= MaxHandshakesPerInvite || account.Connections >= MaxConnectionsPerInvite)
            return ignore;
        if (kind == DoorTokenKind.Invite && _handshakes >= RetryThreshold)
            return account.Rate.TryTake(now) ? Retry(facts, id, nonce, peer) : ignore;
        // A retried handshake has paid already, when its Retry was sent.
        if (kind == DoorTokenKind.Invite && !account.Rate.TryTake(now))
            return ignore;
        return _replays.TryAdd(nonce, id, original) ? Accept(account, record, peer, kind, original) : ignore;
    }

    /// <inheritdoc/>
    public void OnHandshakeEnded(object? tag, bool established)
    {
        if (tag is not DoorPass { HandshakePending: true } pass)
            return;
        pass.HandshakePending = false;
        _handshakes--;
        if (_accounts.TryGetValue(pass.Invite, out Account? account))
            account.Handshakes--;
        if (established)
            _records.OnJoined(pass.Invite, pass.PeerId);
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

    private bool TryOpen(in InitialFacts facts, DoorTokenKind kind, Account account, Span<byte> peer, out ulong nonce, out ConnectionId original)
    {
        nonce = 0;
        original = facts.Destination;
        // The budget is looked at first and paid only by what fails: valid tokens never run out of it by themselves.
        TokenBucket failures = _failures;
        if (!failures.TryTake(facts.Now))
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
                return age <= RetryLifetime.TotalSeconds && RetryToken.SamePath(retry.Path, facts.Path);
            }
        }
        if (!opened)
            _failures = failures;
        return opened;
    }

    private AdmissionVerdict Accept(Account account, DoorRecord record, ReadOnlySpan<byte> peer, DoorTokenKind kind, in ConnectionId original)
    {
        byte[] peerId = peer.ToArray();
        account.Handshakes++;
        account.Connections++;
        _handshakes++;
        return new AdmissionVerdict
        {
            Action = AdmissionAction.Accept,
            ExpectedPeerId = peerId,
            Tag = new DoorPass(record.Id, peerId, record.PeerId is not null),
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

    private AdmissionVerdict? Refuse(RefusalReason reason, ulong nonce, InviteId id, in ConnectionId original, Instant now)
    {
        if (!_refusals.TryTake(now) || !_replays.TryAdd(nonce, id, original))
            return null;
        return new AdmissionVerdict
        {
            Action = AdmissionAction.Refuse,
            RefusalCode = (ulong)reason,
            RefusalReason = reason switch
            {
                RefusalReason.Revoked => "this invite was revoked",
                RefusalReason.Expired => "this invite has expired",
                RefusalReason.UsedUp => "this invite is used up",
                _ => "the host removed you",
            },
        };
    }

    // Made for ids of ours only, of which the store bounds the number.
    private Account AccountOf(DoorRecord record, Instant now)
    {
        if (_accounts.TryGetValue(record.Id, out Account? account))
            return account;
        return _accounts[record.Id] = new Account(new AesGcm(record.DoorKey.Span, DoorToken.TagLength), new TokenBucket(HandshakesPerSecond, HandshakeBurst, now));
    }

    private static uint Seconds(Instant now) => (uint)(now.Ticks / TimeSpan.TicksPerSecond) & RetryToken.SecondsMask;

    /// <summary>What one invite uses of its limits, and its key made ready.</summary>
    private sealed class Account(AesGcm key, TokenBucket rate) : IDisposable
    {
        public AesGcm Key { get; } = key;

        public TokenBucket Rate = rate;

        public int Handshakes { get; set; }

        public int Connections { get; set; }

        public bool IsIdle(Instant now) => Connections == 0 && Handshakes == 0 && Rate.IsFull(now);

        public void Dispose() => Key.Dispose();
    }
}
