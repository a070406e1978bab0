using Punchline.Hosting;
using Xunit;

namespace Punchline.Tests.Hosting;

/// <summary>A friend who comes back does so with a ticket, and a host that cannot take it lets them in all the same.</summary>
public sealed class ResumptionTests
{
    private const string Given = "tickets to come back with";

    [Fact]
    public async Task A_client_that_comes_back_says_hello_ahead_of_the_handshake()
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        string invite = await Rig.InviteOf(host);
        await VisitAsync(rig, host, invite);

        // The ticket is of a connection by the invite, and the client comes with the secret of its own by now; then by one of its own.
        for (int i = 0; i < 2; i++)
        {
            RunningRole again = await VisitAsync(rig, host, invite);
            Assert.True(again.Events.Has<Detail>(d => d.Message.Contains("HELLO ahead", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public async Task A_host_that_was_restarted_takes_no_ticket_and_lets_its_friend_in()
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        string invite = await Rig.InviteOf(host);
        await VisitAsync(rig, host, invite);
        await host.StopAsync();
        RunningRole restarted = rig.Host(echo.Spec("echo"));
        await Rig.InviteOf(restarted);
        RunningRole again = await VisitAsync(rig, restarted, invite);
        Assert.False(again.Events.Has<Detail>(d => d.Message.Contains("came back with a ticket", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Tickets_are_taken_out_of_the_file_before_they_are_used()
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        string invite = await Rig.InviteOf(host);
        await VisitAsync(rig, host, invite);
        string file = Path.Combine(rig.StateOf("client"), ClientState.FileName);
        string[] before = Tickets(file);
        Assert.Equal(2, before.Length);
        await VisitAsync(rig, host, invite);
        string[] after = Tickets(file);
        // One was used, and two have come.
        Assert.Equal(3, after.Length);
        Assert.Single(after.Intersect(before));
    }

    /// <summary>Comes, visits the service, waits for tickets, and goes.</summary>
    private static async Task<RunningRole> VisitAsync(Rig rig, RunningRole host, string invite)
    {
        int before = host.Events.Count;
        RunningRole client = rig.Client(invite);
        await client.DirectAsync();
        // HELLO was said once, and answered, whichever way it went.
        await client.Events.WaitAsync<Detail>(IsHello);
        await host.Events.WaitAsync<Detail>(IsHello, before);
        await Visitor.EchoAsync(await Rig.PortOf(client, "echo"));
        await client.Events.WaitAsync<Detail>(d => d.Message.Contains(Given, StringComparison.Ordinal));
        await client.StopAsync();
        await host.Events.WaitAsync<PeerLeft>(from: before);
        return client;
    }

    private static bool IsHello(Detail detail) => detail.Message.Contains("runs version", StringComparison.Ordinal);

    private static string[] Tickets(string file)
    {
        using var document = System.Text.Json.JsonDocument.Parse(File.ReadAllText(file));
        return [.. document.RootElement.GetProperty("hosts")[0].GetProperty("sessions").EnumerateArray().Select(s => s.GetProperty("session").GetString()!)];
    }
}
