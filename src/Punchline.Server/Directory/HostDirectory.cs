using System.Security.Cryptography;
using Punchline.Invites;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Server.Control;
using Punchline.Server.Relay;
using Punchline.Udp;

namespace Punchline.Server.Directory;

/// <summary>
/// Which hosts are there, and which clients stand at their doors. One lock: every operation is short, and messages are only put into the
/// sessions' queues. The newest registration of an identity wins.
/// </summary>
internal sealed class HostDirectory(RelayTable relays, MonotonicClock clock, PunchlineServerOptions options)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<HostKey, Registration> _hosts = [];
    private readonly Dictionary<string, int> _namesOf = [];
    private readonly RelayBudgets<BudgetKey, RelayBudget> _pairBudgets = new(RefillOf(options), now => RelayBudget.ForPair(now, options.Relay));
    private readonly RelayBudgets<UdpAddress, RelayBudget> _addressBudgets =
        new(RefillOf(options), now => RelayBudget.ForAddress(now, options.Relay, options.MaxChannelsPerAddress));
    private readonly RelayBudgets<string, RelayAllowance> _hostAllowances = new(RefillOf(options), now => new RelayAllowance(options.Relay?.Host ?? default, now));
    private readonly RelayAllowance? _total = options.Relay is { } terms ? new RelayAllowance(terms.Total, clock.Now) : null;

    /// <summary>Registered hosts at this moment.</summary>
    public int HostCount
    {
        get
        {
            lock (_lock)
                return _hosts.Count;
        }
    }

    /// <summary>Enters a host whose proofs were checked. A former registration is told and ended.</summary>
    /// <returns>Null if the identity has too many names here.</returns>
    public Registration? Register(HostKey key, ControlSession session, Register message)
    {
        Registration? displaced;
        Registration registration;
        lock (_lock)
        {
            int names = _namesOf.GetValueOrDefault(key.HostId);
            if (_hosts.TryGetValue(key, out displaced))
                RemoveLocked(displaced);
            else if (names >= ServerLimits.NamesPerHost)
                return null;
            registration = new Registration(key, session, relays.AddBinding(session))
            {
                DoorNonce = message.DoorNonce, Invites = IndexOf(message.Entries), Ended = IndexOf(message.Ended),
            };
            _hosts[key] = registration;
            _namesOf[key.HostId] = _namesOf.GetValueOrDefault(key.HostId) + 1;
        }
        displaced?.Session.Finish(new Displaced());
        return registration;
    }

    /// <summary>Takes a host out; its pairs end. Nothing happens if it was displaced before.</summary>
    public void Unregister(Registration registration)
    {
        lock (_lock)
        {
            if (_hosts.TryGetValue(registration.Key, out Registration? current) && current == registration)
                RemoveLocked(registration);
        }
    }

    /// <summary>Replaces the set of invites; pairs under a missing or changed one end at once.</summary>
    public void SetInvites(Registration registration, SetInvites message)
    {
        lock (_lock)
        {
            Dictionary<InviteId, byte[]> before = registration.Invites;
            registration.Invites = IndexOf(message.Entries);
            registration.Ended = IndexOf(message.Ended);
            foreach (PairEntry pair in registration.Pairs.ToArray())
            {
                bool stands = registration.Invites.TryGetValue(pair.InviteId, out byte[]? key) && before.TryGetValue(pair.InviteId, out byte[]? old) && key.AsSpan().SequenceEqual(old);
                if (!stands)
                    CloseLocked(pair, PairCloseReason.InviteRemoved, tellHost: true, tellClient: true);
            }
        }
    }

    /// <summary>Clients that come from now on are told this door nonce.</summary>
    public void SetDoorNonce(Registration registration, ulong nonce)
    {
        lock (_lock)
            registration.DoorNonce = nonce;
    }

    /// <summary>Opens a pair for a client that proves an invite. The host hears of it before the client does.</summary>
    public ControlError Open(ControlSession client, Open message, out PairEntry? pair)
    {
        pair = null;
        lock (_lock)
        {
            if (!_hosts.TryGetValue(new HostKey(Convert.ToHexStringLower(message.HostId), message.Name), out Registration? host))
                return ControlError.HostOffline;
            // An unknown invite costs and answers the same as a wrong MAC, so that ids cannot be tried out.
            bool known = host.Invites.TryGetValue(message.InviteId, out byte[]? relayKey);
            byte[] expected = ControlProof.OpenMac(relayKey ?? new byte[InviteKeys.RelayKeyLength], message.Name, client.Nonce, message);
            if (!CryptographicOperations.FixedTimeEquals(expected, message.Mac) || !known)
                return ControlError.UnknownInvite;
            if (host.Pairs.Count >= options.MaxPairsPerHost || host.Pairs.Count(p => p.InviteId == message.InviteId) >= ServerLimits.PairsPerInvite)
                return ControlError.TooManyPairs;
            Instant now = clock.Now;
            var budget = new BudgetKey(host.Key, message.InviteId, AddressLimiter.KeyOf(client.Remote.ToIPAddress()));
            var budgets = new PairBudgets(
                _pairBudgets.Take(now, budget), _addressBudgets.Take(now, budget.Client), options.Relay is null ? null : _hostAllowances.Take(now, host.Key.HostId), _total);
            RelayPair relay = relays.AddPair(relays.AddBinding(client), host.Binding, budgets);
            pair = new PairEntry(host, client, budget, relay);
            host.Pairs.Add(pair);
            host.Session.TrySend(new PairOpened(relay.HostHandle, message.InviteId, message.Features.HasFlag(ControlFeatures.HideAddress) ? PairOpened.Hidden : client.Remote));
            client.TrySend(new Opened(relay.Client.Handle, relay.Client.Key, host.DoorNonce, client.Remote));
            return ControlError.None;
        }
    }

    /// <summary>What the host has for the holder of this invite if it has ended; else empty.</summary>
    public byte[] EndProofOf(Open message)
    {
        lock (_lock)
        {
            return _hosts.TryGetValue(new HostKey(Convert.ToHexStringLower(message.HostId), message.Name), out Registration? host)
                && host.Ended.TryGetValue(message.InviteId, out byte[]? proof) ? proof : [];
        }
    }

    /// <summary>The client of a pair agrees that its host is told where it is seen. Nothing happens if the handle is not of its pair, or the pair has ended.</summary>
    public void Attest(PairEntry pair, ulong handle)
    {
        lock (_lock)
        {
            if (pair.Relay.Client.Handle == handle && pair.Host.Pairs.Contains(pair))
                pair.Relay.Client.Attest(clock.Now, pair.Relay);
        }
    }

    /// <summary>A host agrees that the client of one of its pairs is told where it is seen. Nothing happens if it has no such pair.</summary>
    public void Attest(Registration host, ulong handle)
    {
        lock (_lock)
        {
            if (host.Pairs.FirstOrDefault(p => p.Relay.HostHandle == handle) is { } pair)
                host.Binding.Attest(clock.Now, pair.Relay);
        }
    }

    /// <summary>Ends a pair for its client; nothing happens if it has ended already.</summary>
    public void Close(PairEntry pair, PairCloseReason reason)
    {
        lock (_lock)
        {
            if (pair.Host.Pairs.Contains(pair))
                CloseLocked(pair, reason, tellHost: true, tellClient: false);
        }
    }

    // Quotas are remembered until they are whole again.
    private static TimeSpan RefillOf(PunchlineServerOptions options) =>
        options.Relay is { } terms && (terms.Pair.BytesPerDay ?? terms.Host.BytesPerDay) is not null ? ServerLimits.QuotaTime : ServerLimits.BudgetRefill;

    private static Dictionary<InviteId, byte[]> IndexOf(IReadOnlyList<RelayEntry> entries)
    {
        var index = new Dictionary<InviteId, byte[]>(entries.Count);
        foreach (RelayEntry entry in entries)
            index[entry.Id] = entry.RelayKey;
        return index;
    }

    private static Dictionary<InviteId, byte[]> IndexOf(IReadOnlyList<EndedEntry> ended)
    {
        var index = new Dictionary<InviteId, byte[]>(ended.Count);
        foreach (EndedEntry entry in ended)
            index[entry.Id] = entry.EndProof;
        return index;
    }

    private void RemoveLocked(Registration registration)
    {
        _hosts.Remove(registration.Key);
        int names = _namesOf.GetValueOrDefault(registration.Key.HostId) - 1;
        if (names <= 0)
            _namesOf.Remove(registration.Key.HostId);
        else
            _namesOf[registration.Key.HostId] = names;
        foreach (PairEntry pair in registration.Pairs.ToArray())
            CloseLocked(pair, PairCloseReason.HostLeft, tellHost: false, tellClient: true);
        relays.Remove(registration.Binding);
    }

    private void CloseLocked(PairEntry pair, PairCloseReason reason, bool tellHost, bool tellClient)
    {
        pair.Host.Pairs.Remove(pair);
        relays.Remove(pair.Relay);
        Instant now = clock.Now;
        _pairBudgets.Return(now, pair.Budget);
        _addressBudgets.Return(now, pair.Budget.Client);
        if (options.Relay is not null)
            _hostAllowances.Return(now, pair.Host.Key.HostId);
        if (tellHost)
            pair.Host.Session.TrySend(new PairClosed(pair.Relay.HostHandle, reason));
        if (tellClient)
            pair.Client.TrySend(new PairClosed(pair.Relay.Client.Handle, reason));
    }
}
