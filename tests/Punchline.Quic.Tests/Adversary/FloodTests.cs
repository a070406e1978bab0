using Punchline.Quic.Tests.Simulation;
using Punchline.Quic.Wire;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Adversary;

/// <summary>
/// A peer with valid keys who sends one thing over and over: what it makes us hold stays within a bound, and what it makes us
/// send within a few datagrams for each of its own; or the connection ends for it.
/// </summary>
public sealed class FloodTests
{
    private const int QuickPackets = 600;
    private const int LongPackets = 10_000;

    /// <summary>What fits into an ACK frame of a full datagram, at two bytes for each.</summary>
    private const ulong Ranges = 500;

    /// <summary>Between two packets: a thousand a second.</summary>
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(1);

    private static readonly LinkProfile Link = new() { Delay = TimeSpan.FromMilliseconds(10) };

    /// <summary>One flood.</summary>
    /// <param name="Frames">The content of the n-th packet.</param>
    /// <param name="Kilobytes">What it may add to the memory of the endpoint.</param>
    /// <param name="Answers">Datagrams that the victim may send for each packet, on average.</param>
    private sealed record Flood(Func<Hostile, int, byte[]> Frames, int Kilobytes, double Answers)
    {
        /// <summary>The error that ends it; null if it may go on for ever.</summary>
        internal TransportErrorCode? EndsWith { get; init; }

        /// <summary>The hostile peer acknowledges all that it gets.</summary>
        internal bool Acknowledges { get; init; } = true;

        /// <summary>Done once, before anything is measured.</summary>
        internal Action<Hostile>? Prepare { get; init; }

        /// <summary>Done before each packet.</summary>
        internal Action<Hostile, int>? Before { get; init; }
    }

    private static readonly Dictionary<string, Flood> Floods = new()
    {
        // Each answer is a datagram as large as its challenge came in: four wait at most (PathState), and an acknowledgement for two packets.
        ["PATH_CHALLENGE, full datagrams"] = new((_, n) => Raw.Times(120, i => [0x1a, .. BitConverter.GetBytes(((long)n << 16) + i)]), 64, 4.6),
        ["PATH_CHALLENGE, one a packet"] = new((_, n) => [0x1a, .. BitConverter.GetBytes((long)n)], 64, 1.6),
        ["PATH_CHALLENGE, never acknowledged"] =
            new((_, n) => Raw.Times(120, i => [0x1a, .. BitConverter.GetBytes(((long)n << 16) + i)]), 10_000, 4.6) { Acknowledges = false },
        ["PATH_RESPONSE to nothing"] = new((_, n) => Raw.Times(120, i => [0x1b, .. BitConverter.GetBytes((long)n * i)]), 64, 0.6),
        ["NEW_CONNECTION_ID that replace each other"] =
            new((_, n) => Raw.NewId((ulong)n + 50, (ulong)n + 50, (byte)n), 64, 1.1),
        ["NEW_CONNECTION_ID, one over and over"] = new((_, _) => Raw.Times(30, static _ => Raw.NewId(50, 1, 77)), 64, 0.6),
        ["RETIRE_CONNECTION_ID of every id as it comes"] = new((h, _) => Raw.Ints(0x19, h.VictimsNextIdSequence - 1), 64, 1.1),
        ["RETIRE_CONNECTION_ID of one, over and over"] = new((_, _) => Raw.Times(200, static _ => Raw.Ints(0x19, 1)), 64, 0.6),
        ["RESET_STREAM over many streams"] = new((h, n) => Raw.Times(50, i => Raw.Ints(0x04, Bidi(h, ((n * 50) + i) % 1024), 0, 0)), 1000, 1.2),
        ["STOP_SENDING over many streams"] = new((h, n) => Raw.Times(50, i => Raw.Ints(0x05, Bidi(h, ((n * 50) + i) % 1024), 0)), 1000, 1.2),
        ["streams opened and ended as fast as they may"] =
            new((h, n) => Raw.Times(20, i => (byte[])[.. Raw.Ints(0x0f, Uni(h, n % 16), 0, 0), .. Raw.Ints(0x05, Bidi(h, i), 0)]), 64, 1.2),
        ["a byte on each of very many streams"] = new((h, n) => Raw.Times(50, i => Raw.Stream(Bidi(h, ((n * 50) + i) % 1024), (ulong)(n % 200), 1)), 8000, 1.6)
            { EndsWith = TransportErrorCode.InternalError },
        ["MAX_DATA and the like, ever higher"] = new((h, n) => [.. Raw.Ints(0x10, (ulong)n * 1000), .. Raw.Ints(0x12, (ulong)n), .. Raw.Ints(0x13, (ulong)n)], 64, 0.6),
        ["BLOCKED frames"] = new((h, n) => Raw.Times(100, i => (byte[])[.. Raw.Ints(0x14, (ulong)i), .. Raw.Ints(0x16, (ulong)n), .. Raw.Ints(0x15, Bidi(h, 0), (ulong)i)]), 64, 0.7),
        ["PING"] = new((_, _) => Raw.Times(1000, static _ => [0x01]), 64, 0.6),
        ["PADDING"] = new((_, _) => new byte[1100], 64, 0.1),
        ["ACK with many ranges"] = new((h, _) => ManyRanges(h), 64, 0.1) { Prepare = SendMany },
        ["packets with gaps between their numbers"] = new((_, _) => [0x01], 64, 1.1) { Before = static (h, _) => h.NextNumber += 3 },
        ["empty STREAM frames"] = new((h, n) => Raw.Times(200, i => Raw.Stream(Bidi(h, 0), 0, 0)), 64, 0.6),
        ["tiny STREAM frames that overlap"] = new((h, n) => Raw.Times(100, i => Raw.Stream(Bidi(h, 0), (ulong)(1 + (((n * 100) + i) % 5000)), 3)), 64, 0.6),
        ["every other byte of a stream"] = new((h, n) => Raw.Times(100, i => Raw.Stream(Bidi(h, 0), (ulong)(1 + (2 * ((n * 100) + i))), 1)), 300, 0.6)
            { EndsWith = TransportErrorCode.InternalError },
        ["tiny CRYPTO frames that overlap"] = new((h, n) => Raw.Times(100, i => Raw.Crypto(h.CryptoOffset + 1 + (ulong)(((n * 100) + i) % 1000), 1, 2, 3)), 64, 0.6),
        ["every other byte of CRYPTO"] = new((h, n) => Raw.Times(100, i => Raw.Crypto(h.CryptoOffset + 1 + (2 * (ulong)((n * 100) + i)), 1)), 64, 0.6)
            { EndsWith = TransportErrorCode.CryptoBufferExceeded },
        ["CRYPTO up to the bound, its first byte missing"] = new((h, n) => Raw.Crypto(h.CryptoOffset + 1 + ((ulong)n * 1000 % 64_000), new byte[1000]), 128, 0.6),
        ["candidates, told and withdrawn"] =
            new((_, n) => (byte[])[.. Raw.Candidate((ulong)n, Address(n)), .. n > 8 ? Raw.CandidateGone((ulong)n - 8) : []], 64, 1.6),
        ["PUNCH, ever higher"] = new((_, n) => Raw.Ints(FrameTypes.Punch, (ulong)n + 1), 64, 0.6),
        ["OBSERVED_ADDRESS"] = new((_, n) => [.. Raw.Ints(FrameTypes.ObservedAddress, (ulong)n), 4, 198, 51, 100, (byte)n, 9, 9], 64, 0.6),
        ["DATAGRAM that nobody reads"] = new((_, _) => [.. Raw.Ints(0x31, 1000), .. new byte[1000]], 600, 0.6),
        ["empty DATAGRAM that nobody reads"] = new((_, _) => Raw.Times(500, static _ => [0x31, 0]), 600, 0.6),
        ["key updates as fast as they go"] = new((_, _) => [0x01], 64, 0.6)
        {
            Before = static (h, n) =>
            {
                if (n % 300 == 299)
                    h.UpdateKeys();
            },
        },
        ["NEW_TOKEN"] = new((_, _) => [.. Raw.Ints(0x07, 1000), .. new byte[1000]], 64, 0.6),
    };

    public static TheoryData<string, bool> Cases
    {
        get
        {
            var cases = new TheoryData<string, bool>();
            foreach (string name in Floods.Keys)
            {
                if (name != "NEW_TOKEN") // from a client a breach of protocol
                    cases.Add(name, true);
                cases.Add(name, false);
            }
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Costs_no_more_than_its_bound(string name, bool byClient) => Run(name, byClient, QuickPackets);

    [Theory]
    [MemberData(nameof(Cases))]
    [Trait("Length", "Long")]
    public void Costs_no_more_than_its_bound_however_long(string name, bool byClient) => Run(name, byClient, LongPackets);

    private static void Run(string name, bool byClient, int packets)
    {
        Flood flood = Floods[name];
        Scene scene = Scene.Connected(1, Link);
        Hostile hostile = new Hostile(scene, byClient).WithoutSkips().Mute();
        flood.Prepare?.Invoke(hostile);
        var ledger = new Ledger(scene.Network, Scene.ClientRelay, Scene.HostRelay);
        long before = Footprint.Of(hostile.VictimPeer.Endpoint);
        long most = 0;
        int sent = 0;
        while (sent < packets && hostile.Victim.IsOpen)
        {
            flood.Before?.Invoke(hostile, sent);
            hostile.Say(flood.Frames(hostile, sent++));
            scene.Network.RunFor(Pace);
            if (flood.Acknowledges && sent % 10 == 0 && hostile.Victim.IsOpen)
                hostile.AcknowledgeAll();
            if (sent % (packets / 6) == 0)
                most = Math.Max(most, Footprint.Of(hostile.VictimPeer.Endpoint) - before);
        }
        most = Math.Max(most, Footprint.Of(hostile.VictimPeer.Endpoint) - before);
        Ledger.Account account = ledger.Of(hostile.VictimAddress, hostile.OwnAddress);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{sent} packets: {most / 1024} KiB more, {account.PacketsOut} datagrams back, {account.BytesOut} bytes for {account.BytesIn}; {hostile.Victim.CloseError}");
        Assert.True(most <= flood.Kilobytes * 1024, $"{most / 1024} KiB after {sent} packets");
        Assert.True(account.PacketsOut <= 20 + (flood.Answers * account.PacketsIn), $"{account.PacketsOut} datagrams for {account.PacketsIn}");
        if (flood.EndsWith is { } code)
            Assert.Equal((ulong)code, hostile.Victim.CloseError?.Code);
        else
            Assert.True(hostile.Victim.IsOpen, $"{hostile.Victim.CloseError}");
    }

    /// <summary>Has the victim use so many packet numbers that there are enough to acknowledge every other one.</summary>
    private static void SendMany(Hostile h)
    {
        while (h.VictimsNextNumber <= 2 * Ranges)
        {
            h.Victim.TrySendDatagram("something"u8);
            h.Scene.Network.RunFor(Pace);
            h.AcknowledgeAll();
        }
    }

    /// <summary>Acknowledges every other one of the last numbers that the victim has used.</summary>
    private static byte[] ManyRanges(Hostile h)
    {
        ulong largest = h.VictimsNextNumber - 1;
                var values = new List<ulong> { 0x02, largest, 0, Ranges, 0 };
        for (ulong i = 0; i < Ranges; i++)
            values.AddRange([0, 0]);
        return Raw.Ints([.. values]);
    }

    private static ulong Bidi(Hostile h, int ordinal) => ((ulong)ordinal << 2) | (h.IsClient ? 0u : 1u);

    private static ulong Uni(Hostile h, int ordinal) => Bidi(h, ordinal) | 2;

    private static UdpAddress Address(int host) => UdpAddress.FromBytes([203, 0, (byte)(113 + (host >> 8)), (byte)host], 0, 4000);
}
