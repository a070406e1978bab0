using System.Globalization;
using Punchline.Lab.Driver;
using Punchline.Lab.Fixtures;
using Punchline.Lab.Scenes;

namespace Punchline.Lab.Roaming;

/// <summary>NATs that forget: those that end mappings at an age, whatever their traffic, and those that end them without it.</summary>
[Collection(Alone.Name)]
public sealed class MappingLifetimeTests
{
    /// <summary>Less than the second after which a path that is dead is left: one that dies is seen here.</summary>
    private static readonly TimeSpan LongestGap = TimeSpan.FromSeconds(0.9);

    [LabFact]
    [Trait("Length", "Medium")]
    public Task A_socket_is_replaced_before_its_mapping_ends_at_fifteen_seconds() =>
        TakesOverAsync("eim-apdf+age15", "eim-apdf", 15, learning: TimeSpan.FromSeconds(40), TimeSpan.FromSeconds(30));

    [LabTheory]
    [Trait("Length", "Long")]
    [InlineData("eim-apdf+age60", "eim-apdf")]
    [InlineData("eim-apdf", "eim-apdf+age60")]
    [InlineData("eim-apdf+age60", "eim-apdf+age60")]
    public Task A_ping_of_minutes_has_no_gap_where_mappings_end_at_sixty_seconds(string hosts, string clients) =>
        TakesOverAsync(hosts, clients, 60, learning: TimeSpan.FromSeconds(125), TimeSpan.FromMinutes(3));

    [LabTheory]
    [Trait("Length", "Long")]
    [InlineData("eim-apdf+to20")]
    [InlineData("eim-apdf+to60")]
    public async Task Data_flows_at_once_after_a_rest_of_several_lifetimes(string nat)
    {
        await using var scene = await TunnelScene.StartAsync(new TunnelOptions { Lab = new NatLabOptions { ANat = nat, BNat = nat } });
        await using var echo = EchoServer.Start(scene.Lab, "a");
        var client = await scene.JoinDirectAsync();
        var mark = client.Process.Output.Lines.Count;
        await Task.Delay(TimeSpan.FromMinutes(5), TestContext.Current.CancellationToken);
        await EchoServer.CheckTcpAsync(scene.Lab, "b", await client.AddressAsync("echo"), 10_000);
        Assert.DoesNotContain(client.Process.Output.Lines.Skip(mark), static line => line.Contains("\"event\":\"path\"", StringComparison.Ordinal));
    }

    /// <summary>
    /// The age is learnt from two ends, each of which costs no more than a dead path does; from then on another socket has taken over before.
    /// </summary>
    private static async Task TakesOverAsync(string hosts, string clients, int age, TimeSpan learning, TimeSpan length)
    {
        await using var scene = await TunnelScene.StartAsync(new TunnelOptions { Lab = new NatLabOptions { ANat = hosts, BNat = clients } });
        await using var echo = EchoServer.Start(scene.Lab, "a");
        var client = await scene.JoinDirectAsync();
        await using var ping = Ping.Start(scene.Lab, "b", await client.AddressAsync("datagrams"));
        var from = TimeProvider.System.GetTimestamp();
        await Task.Delay(learning, TestContext.Current.CancellationToken);
        var learningGap = ping.LongestGap(from);
        from = TimeProvider.System.GetTimestamp();
        await Task.Delay(length, TestContext.Current.CancellationToken);
        var gap = ping.LongestGap(from);
        Measured.Write($"age, {hosts} with {clients}.txt", string.Create(CultureInfo.InvariantCulture,
            $"{hosts} with {clients}: no answer for {learningGap.TotalSeconds:0.00} s at the longest while the age is learnt, {gap.TotalSeconds:0.00} s in the {length.TotalSeconds:0} s after that"));
        Assert.True(gap <= LongestGap, $"no answer for {gap}");
        if (hosts.Contains("age", StringComparison.Ordinal))
            await TookOverAsync(scene.Host, age);
        if (clients.Contains("age", StringComparison.Ordinal))
            await TookOverAsync(client.Process, age);
    }

    private static async Task TookOverAsync(ChildProcess process, int age)
    {
        var said = await process.EventAsync("detail", 0, static found => found.GetProperty("message").GetString()!.Contains("another socket has taken over", StringComparison.Ordinal));
        var after = int.Parse(said.GetProperty("message").GetString()!.Split(' ').First(static word => int.TryParse(word, out _)), CultureInfo.InvariantCulture);
        Assert.InRange(after, age / 2, age + 3);
    }
}
