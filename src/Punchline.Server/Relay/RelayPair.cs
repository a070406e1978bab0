using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Relay;

namespace Punchline.Server.Relay;

/// <summary>A client and the host that it named, as the UDP loop sees them: two ends, two handles, and the budgets that it spends from.</summary>
internal sealed class RelayPair
{
    private readonly RelayBudget _own;
    private readonly RelayBudget _address;
    private readonly (RelayAllowance Allowance, RelayLimitReason Reason)[] _data;
    private Instant _toldUntil;

    /// <param name="client">The client's end.</param>
    /// <param name="host">The host's end.</param>
    /// <param name="hostHandle">What stands for this pair in the host's DATA frames.</param>
    /// <param name="budgets">What it spends from.</param>
    public RelayPair(RelayBinding client, RelayBinding host, ulong hostHandle, in PairBudgets budgets)
    {
        Client = client;
        Host = host;
        HostHandle = hostHandle;
        _own = budgets.Own;
        _address = budgets.Address;
        _data = budgets is { Own.Data: { } own, Address.Data: { } address, Host: { } ofHost, Total: { } total }
            ? [(own, RelayLimitReason.Pair), (address, RelayLimitReason.Pair), (ofHost, RelayLimitReason.Host), (total, RelayLimitReason.Server)]
            : [];
    }

    /// <summary>The client's end; its handle is also the one in the client's DATA frames.</summary>
    public RelayBinding Client { get; }

    /// <summary>The host's end, shared by all its pairs.</summary>
    public RelayBinding Host { get; }

    /// <summary>What stands for this pair in the host's DATA frames.</summary>
    public ulong HostHandle { get; }

    /// <summary>The end beside this one, and its handle for the pair.</summary>
    public (RelayBinding End, ulong Handle) Beside(RelayBinding end) => end == Client ? (Host, HostHandle) : (Client, Client.Handle);

    /// <summary>Takes what a batch costs, as much of it as there is. The UDP loop alone calls it.</summary>
    /// <param name="now">The time.</param>
    /// <param name="bytes">Bytes of the batch.</param>
    /// <param name="segmentSize">Bytes of each datagram but the last.</param>
    /// <param name="isShort">The allowance for data does not suffice for all of it.</param>
    /// <returns>How many of its datagrams may pass, from the first on.</returns>
    public int Spend(Instant now, int bytes, int segmentSize, out bool isShort)
    {
        int datagrams = (bytes + segmentSize - 1) / segmentSize;
        int last = bytes - ((datagrams - 1) * segmentSize);
        int passed = SpendData(now, datagrams, segmentSize, last);
        isShort = passed < datagrams;
        // Faster than a pair may ever be: a full link, which the ends' congestion control knows to handle. All else is not the pair's
        // doing, and its handshakes must not wait for it.
        if (isShort && _own.Data?.RateRoom(now) < segmentSize)
            return passed;
        while (passed < datagrams)
        {
            int size = passed == datagrams - 1 ? last : segmentSize;
            if (!_own.TrySpend(now, size) || !_address.TrySpend(now, size))
                break;
            passed++;
        }
        return passed;
    }

    /// <summary>True if a quota is used up, once in <see cref="ServerLimits.LimitRepeat"/>.</summary>
    public bool TryTakeLimit(Instant now, out RelayLimitReason reason, out uint seconds)
    {
        (reason, seconds) = (default, 0);
        if (now < _toldUntil)
            return false;
        foreach ((RelayAllowance allowance, RelayLimitReason whose) in _data)
        {
            if (allowance.QuotaRoom(now) >= RelayFrame.MaxChannelFrame)
                continue;
            _toldUntil = Instant.Min(allowance.WholeAt, now + ServerLimits.LimitRepeat);
            reason = whose;
            seconds = (uint)Math.Ceiling((allowance.WholeAt - now).TotalSeconds);
            return true;
        }
        return false;
    }

    private int SpendData(Instant now, int datagrams, int segmentSize, int last)
    {
        if (_data.Length == 0)
            return 0;
        long room = long.MaxValue;
        foreach ((RelayAllowance allowance, _) in _data)
            room = Math.Min(room, allowance.Room(now));
        long each = Cost(segmentSize);
        long cost = ((datagrams - 1) * each) + Cost(last);
        if (cost > room)
        {
            datagrams = (int)Math.Min(datagrams - 1, Math.Max(0, room / each));
            cost = datagrams * each;
        }
        if (datagrams == 0)
            return 0;
        foreach ((RelayAllowance allowance, _) in _data)
            allowance.Take(now, cost);
        return datagrams;
    }

    private static int Cost(int bytes) => Math.Max(bytes, ServerLimits.LeastDatagramCost);
}

/// <summary>What a pair spends from.</summary>
/// <param name="Own">That of the client's pairs under the invite.</param>
/// <param name="Address">That of the client's address.</param>
/// <param name="Host">That of the host's pairs; null if no data is relayed.</param>
/// <param name="Total">That of the whole server; null if no data is relayed.</param>
internal readonly record struct PairBudgets(RelayBudget Own, RelayBudget Address, RelayAllowance? Host, RelayAllowance? Total);
