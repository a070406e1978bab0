using System.Globalization;
using Punchline.Lab.Driver;

namespace Punchline.Lab;

/// <summary>The driver of the laboratory: what later tests stand on.</summary>
public sealed class NatLabTests
{
    [LabFact(Programs = "ping")]
    public async Task Both_sides_reach_the_server_but_not_each_others_LAN()
    {
        await using var lab = await NatLab.UpAsync();
        await lab.RunAsync("a", ["ping", "-c", "1", "-W", "5", $"{NatLab.Server}"]);
        await lab.RunAsync("b", ["ping", "-c", "1", "-W", "5", $"{NatLab.Server}"]);
        var refused = await Assert.ThrowsAsync<LabException>(() => lab.RunAsync("a", ["ping", "-c", "1", "-W", "1", "192.168.2.2"]));
        Assert.Contains("100% packet loss", refused.Message, StringComparison.Ordinal);
    }

    [LabTheory(Programs = "turnserver turnutils_natdiscovery")]
    [InlineData("eim-apdf", "linux")]
    [InlineData("none", "apdm-apdf")]
    [InlineData("eim-eif", "seq-apdf")]
    public async Task NATs_behave_as_ordered(string a, string b)
    {
        await using var lab = await NatLab.UpAsync(new NatLabOptions { ANat = a, BNat = b });
        var found = await lab.CheckAsync();
        Assert.Contains($"a: {a}: ", found, StringComparison.Ordinal);
        Assert.Contains($"b: {b}: ", found, StringComparison.Ordinal);
    }

    [LabFact(Programs = "ping")]
    public async Task Labs_stand_side_by_side_and_go_without_a_trace()
    {
        string first, second;
        await using (var one = await NatLab.UpAsync(new NatLabOptions { SameLan = true }))
        await using (var two = await NatLab.UpAsync(new NatLabOptions { AIpv6 = "only", BIpv6 = "fw" }))
        {
            (first, second) = (one.Namespace("a"), two.Namespace("a"));
            Assert.NotEqual(first, second);
            await one.RunAsync("a", ["ping", "-c", "1", "-W", "5", "192.168.1.3"]);
            await two.RunAsync("a", ["ping", "-c", "1", "-W", "5", $"{NatLab.ServerIpv6}"]);
        }

        Assert.False(Exists(first));
        Assert.False(Exists(second));
    }

    [LabFact]
    public async Task A_failing_test_leaves_neither_namespace_nor_process()
    {
        var (name, id) = ("", 0);
        await Assert.ThrowsAsync<InvalidOperationException>(async () =>
        {
            await using var lab = await NatLab.UpAsync();
            (name, id) = (lab.Namespace("b"), lab.Start("b", ["sleep", "1000"]).Id);
            Assert.True(Exists(name));
            Assert.True(Directory.Exists($"/proc/{id}"));
            throw new InvalidOperationException("the test fails here");
        });
        Assert.False(Exists(name));
        Assert.False(Directory.Exists($"/proc/{id}"));
    }

    [LabFact]
    public async Task A_lab_whose_owner_was_killed_is_swept_away()
    {
        // A process that has ended: its number stands for a test process that was killed.
        await using var owner = ChildProcess.Start(["true"]);
        await owner.ExitAsync();
        var prefix = LabPrefix.Of(owner.Id, 1);
        var script = Path.Combine(Repository.Lab, "natlab", "natlab");
        (await ChildProcess.RunAsync([script, "-p", prefix, "up"])).Ok();
        Assert.True(Exists(prefix + "a"));

        await LabPrefix.SweepAsync(async found =>
        {
            if (found == prefix)
                (await ChildProcess.RunAsync([script, "-p", found, "down"])).Ok();
        });

        Assert.False(Exists(prefix + "a"));
    }

    [LabFact(Programs = "ping gcc")]
    public async Task Delay_counts_in_both_directions_and_heals()
    {
        await using var lab = await NatLab.UpAsync(new NatLabOptions { Wires = true });
        await lab.DelayAsync("a", 40);
        await WaitForRoundTripAsync(lab, milliseconds => milliseconds >= 80);
        await lab.HealAsync();
        await WaitForRoundTripAsync(lab, milliseconds => milliseconds < 80);
    }

    [LabFact(Programs = "ping")]
    public async Task A_cut_is_silent_and_heals()
    {
        await using var lab = await NatLab.UpAsync();
        await lab.CutAsync("server");
        await Assert.ThrowsAsync<LabException>(() => lab.RunAsync("a", ["ping", "-c", "1", "-W", "1", $"{NatLab.Server}"]));
        await lab.RunAsync("a", ["ping", "-c", "1", "-W", "5", $"{NatLab.Server2}"]);
        await lab.HealAsync("server");
        await lab.RunAsync("a", ["ping", "-c", "1", "-W", "5", $"{NatLab.Server}"]);
    }

    [LabFact(Programs = "ping")]
    public async Task Counters_say_what_a_device_carried()
    {
        await using var lab = await NatLab.UpAsync();
        await lab.RunAsync("a", ["ping", "-c", "1", "-W", "5", $"{NatLab.Server}"]);
        var before = await lab.CountersAsync("server");
        await lab.RunAsync("a", ["ping", "-c", "10", "-i", "0.01", "-s", "1000", "-W", "5", $"{NatLab.Server}"]);
        var passed = await lab.CountersAsync("server") - before;
        // 1,000 bytes, 8 of ICMP, 20 of IPv4, 14 of Ethernet; ARP may come on top.
        Assert.InRange(passed.ReceivedBytes, 10_420, 10_420 + 500);
        Assert.InRange(passed.SentBytes, 10_420, 10_420 + 500);
        Assert.InRange(passed.SentPackets, 10, 15);
    }

    [LabFact(Programs = "socat")]
    public async Task A_rebind_gives_a_new_mapping_and_roaming_a_new_address()
    {
        await using var lab = await NatLab.UpAsync();
        await using var reflector = lab.Start(
            "server", ["socat", "-d", "-d", "UDP4-RECVFROM:9000,fork", "SYSTEM:read question; echo $SOCAT_PEERADDR $SOCAT_PEERPORT"]);
        await reflector.ErrorLineAsync(line => line.Contains("receiving on", StringComparison.Ordinal), "its start");

        var first = await AskAsync(lab);
        Assert.Equal(first, await AskAsync(lab));
        Assert.Contains(first.Split(' ')[1], await lab.MapsAsync("a"), StringComparison.Ordinal);
        await lab.RebindAsync("a");
        var second = await AskAsync(lab);
        await lab.RoamAsync("a");
        var third = await AskAsync(lab);

        Assert.StartsWith("198.18.81.2 ", first, StringComparison.Ordinal);
        Assert.StartsWith("198.18.81.2 ", second, StringComparison.Ordinal);
        Assert.NotEqual(first, second);
        Assert.StartsWith("198.18.82.2 ", third, StringComparison.Ordinal);
        Assert.Contains("198.18.82.2", await lab.AddressesAsync("a"), StringComparison.Ordinal);
    }

    private static bool Exists(string name) => File.Exists("/run/netns/" + name);

    /// <summary>What the reflector sees of a UDP socket on a with port 5000: "ADDRESS PORT".</summary>
    private static async Task<string> AskAsync(NatLab lab)
    {
        await using var asker = lab.Start("a", ["socat", "-", $"UDP4:{NatLab.Server}:9000,sourceport=5000"]);
        await asker.Input.WriteLineAsync("?");
        await asker.Input.FlushAsync();
        return await asker.LineAsync(_ => true, "the reflector's answer");
    }

    /// <summary>Pings the server from a until a round trip fits: natwire reads its orders every 50 ms.</summary>
    private static async Task WaitForRoundTripAsync(NatLab lab, Func<double, bool> fits)
    {
        await using var ping = lab.Start("a", ["ping", "-i", "0.05", $"{NatLab.Server}"]);
        await ping.LineAsync(
            line => line.Split("time=") is [_, var time] && fits(double.Parse(time.Split(' ')[0], CultureInfo.InvariantCulture)),
            "a round trip that fits");
    }
}
