using Punchline.Quic.Tests.Simulation;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Adversary;

/// <summary>
/// The tests' own account of a simulated network: what came to an address of ours from another one, and what went back. It
/// knows nothing of the connections, so that it cannot share their mistakes.
/// </summary>
internal sealed class Ledger
{
    /// <summary>RFC 9000 sections 8.1, 8.2 and 9.3: so many times what came from an address that is not validated.</summary>
    private const int Factor = 3;

    /// <summary>docs/wire/punch.md section 5.1: an opening probe is no larger.</summary>
    private const int LargestProbe = 100;

    /// <summary>docs/wire/punch.md sections 5.1 and 7: opening probes for a pair in a round.</summary>
    private const int ProbesInRound = 9;

    /// <summary>docs/wire/punch.md section 7: a round is no shorter.</summary>
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(5);

    private readonly SimulatedNetwork _network;
    private readonly Dictionary<(UdpAddress Own, UdpAddress Other), Account> _accounts = [];
    private readonly HashSet<UdpAddress> _trusted;

    /// <summary>What passed between an address of a peer's and another one.</summary>
    internal sealed class Account
    {
        internal long BytesIn { get; set; }
        internal long BytesOut { get; set; }
        internal int PacketsIn { get; set; }
        internal int PacketsOut { get; set; }
        internal List<(Instant At, int Length)> Sent { get; } = [];
    }

    /// <summary>An account of everything from now on.</summary>
    /// <param name="network">The network; the ledger takes both of its hooks.</param>
    /// <param name="trusted">Addresses that the two honest ends have: these are theirs to fill.</param>
    internal Ledger(SimulatedNetwork network, params UdpAddress[] trusted)
    {
        _network = network;
        _trusted = [.. trusted];
        network.Arrived = (from, to, length) =>
        {
            Account account = Of(to, from);
            account.BytesIn += length;
            account.PacketsIn++;
        };
        network.OnTheWay = (from, to, datagram) =>
        {
            OnSent(from, to, datagram.Length);
            return Attack?.Invoke(from, to, datagram) == true;
        };
    }

    /// <summary>Stands on the way, behind the ledger: true takes the datagram away.</summary>
    internal Func<UdpAddress, UdpAddress, ReadOnlyMemory<byte>, bool>? Attack { get; set; }

    /// <summary>Addresses that a candidate named: opening probes may go there, within their limits.</summary>
    internal HashSet<UdpAddress> Candidates { get; } = [];

    /// <summary>While true, no client has proven its address to the host yet: the first handshake.</summary>
    internal Func<bool> IsHandshake { get; set; } = static () => false;

    /// <summary>The addresses that are not trusted and to which something was sent.</summary>
    internal IEnumerable<(UdpAddress Target, Account Account)> Strangers =>
        _accounts.Where(entry => !_trusted.Contains(entry.Key.Other) && entry.Value.PacketsOut > 0).Select(entry => (entry.Key.Other, entry.Value));

    internal Account Of(UdpAddress own, UdpAddress other)
    {
        if (!_accounts.TryGetValue((own, other), out Account? account))
            _accounts[(own, other)] = account = new Account();
        return account;
    }

    private void OnSent(UdpAddress own, UdpAddress other, int length)
    {
        Account account = Of(own, other);
        account.BytesOut += length;
        account.PacketsOut++;
        bool trusted = _trusted.Contains(other);
        if (trusted && (own != Scene.HostRelay || !IsHandshake()))
            return;
        if (!trusted)
        {
            Require(Forbidden(other) is null, $"a datagram to {other}, which is {Forbidden(other)}");
            account.Sent.Add((_network.Now, length));
        }
        if (Candidates.Contains(other))
            CheckProbes(other, account);
        else
            Require(account.BytesOut <= Factor * account.BytesIn, $"{account.BytesOut} bytes to {other}, from which {account.BytesIn} came");
    }

    /// <summary>A candidate gets opening probes, and three times what came from there.</summary>
    private void CheckProbes(UdpAddress other, Account account)
    {
        long credit = Factor * account.BytesIn;
        int beyond = 0;
        foreach ((Instant at, int length) in account.Sent)
        {
            if (_network.Now - at >= Round)
                continue;
            // What three times the received bytes do not pay for has to be an opening probe.
            credit -= length;
            if (credit >= 0)
                continue;
            Require(length <= LargestProbe, $"{length} bytes to the candidate {other}");
            beyond++;
        }
        // A pair that came late in a round begins anew with the next: twice the probes in the time of one round, never more.
        Require(beyond <= 2 * ProbesInRound, $"{beyond} probes within {Round} to the candidate {other}");
        long rounds = 2 + (long)((_network.Now - account.Sent[0].At) / Round);
        Require(account.BytesIn > 0 || account.PacketsOut <= rounds * ProbesInRound, $"{account.PacketsOut} probes in {rounds} rounds to {other}");
        Require(account.BytesOut <= (Factor * account.BytesIn) + (rounds * ProbesInRound * LargestProbe),
            $"{account.BytesOut} bytes in {rounds} rounds to the candidate {other}, from which {account.BytesIn} came");
    }

    /// <summary>What DESIGN section 4 never lets a packet go to, in words of its own.</summary>
    private static string? Forbidden(UdpAddress address)
    {
        if (address.Port < 1024)
            return "a low port";
        Span<byte> bytes = stackalloc byte[16];
        address.WriteAddress(bytes);
        if (address.IsIPv4)
        {
            return bytes[0] switch
            {
                0 => "unspecified",
                127 => "loopback",
                >= 224 and < 240 => "multicast",
                >= 240 => "broadcast or reserved",
                169 when bytes[1] == 254 => "link-local",
                _ => null,
            };
        }
        bool isZero = bytes[..15].IndexOfAnyExcept((byte)0) < 0;
        if (isZero && bytes[15] <= 1)
            return bytes[15] == 0 ? "unspecified" : "loopback";
        return bytes[0] == 0xff ? "multicast" : bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80 ? "link-local" : null;
    }

    private void Require(bool condition, string what)
    {
        if (!condition)
            Assert.Fail($"{what}\n{_network.Log.Tail}");
    }
}
