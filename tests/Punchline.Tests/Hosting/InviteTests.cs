using System.Net;
using Xunit;

namespace Punchline.Tests.Hosting;

/// <summary>Who is let in, and with what words the others are turned away.</summary>
public sealed class InviteTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_new_invite_ends_the_old_one_open_connections_included()
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        string old = await Rig.InviteOf(host);
        RunningRole client = rig.Client(old);
        await client.DirectAsync();
        int before = host.Events.Count;
        host.Host!.ReplaceInvite();
        await host.Events.WaitAsync<PeerLeft>(from: before);
        PunchlineException end = await client.FailureAsync();
        Assert.Equal(ProblemCode.InviteRevoked, end.Code);
        RunningRole late = rig.Client(old, "late");
        end = await late.FailureAsync();
        Assert.Equal(ProblemCode.InviteRevoked, end.Code);
        RunningRole welcome = rig.Client(await Rig.InviteOf(host, before), "welcome");
        await welcome.DirectAsync();
        await Visitor.EchoAsync(await Rig.PortOf(welcome, "echo"));
    }

    [Fact]
    public async Task A_host_started_with_a_new_invite_takes_the_old_one_no_more()
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        string old = await Rig.InviteOf(host);
        RunningRole client = rig.Client(old);
        await client.DirectAsync();
        await host.StopAsync();
        RunningRole again = rig.Host("host", newInvite: true, echo.Spec("echo"));
        Assert.NotEqual(old, await Rig.InviteOf(again));
        PunchlineException end = await client.FailureAsync();
        Assert.Equal(ProblemCode.InviteRevoked, end.Code);
    }

    [Fact]
    public async Task A_friend_whose_own_secret_is_unknown_comes_by_the_invite_again()
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        string invite = await Rig.InviteOf(host);
        RunningRole client = rig.Client(invite);
        await client.Events.WaitAsync<Detail>(d => d.Message.Contains("secret of its own", StringComparison.Ordinal));
        await client.StopAsync();
        // A secret that the host never gave, in the place of the friend's.
        string file = Path.Combine(rig.StateOf("client"), "joined.json");
        System.Text.Json.Nodes.JsonNode state = System.Text.Json.Nodes.JsonNode.Parse(await File.ReadAllTextAsync(file, Stop))!;
        state["hosts"]![0]!["friendId"] = Convert.ToBase64String(new byte[8]);
        state["hosts"]![0]!["friendSecret"] = Convert.ToBase64String(new byte[16]);
        await File.WriteAllTextAsync(file, state.ToJsonString(), Stop);
        RunningRole again = rig.Client(invite);
        await again.DirectAsync();
        await Visitor.EchoAsync(await Rig.PortOf(again, "echo"));
    }

    [Fact]
    public async Task A_friend_of_an_old_invite_joins_anew_by_the_new_one()
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        string old = await Rig.InviteOf(host);
        RunningRole client = rig.Client(old);
        await client.DirectAsync();
        await client.Events.WaitAsync<Detail>(d => d.Message.Contains("secret of its own", StringComparison.Ordinal));
        await client.StopAsync();
        int before = host.Events.Count;
        host.Host!.ReplaceInvite();
        string fresh = await Rig.InviteOf(host, before);
        RunningRole refused = rig.Client(old);
        Assert.Equal(ProblemCode.InviteRevoked, (await refused.FailureAsync()).Code);
        RunningRole welcome = rig.Client(fresh);
        await welcome.DirectAsync();
        await Visitor.EchoAsync(await Rig.PortOf(welcome, "echo"));
        await welcome.Events.WaitAsync<Detail>(d => d.Message.Contains("secret of its own", StringComparison.Ordinal));
        await welcome.StopAsync();
        RunningRole again = rig.Client(fresh);
        await again.DirectAsync();
    }

    [Fact]
    public async Task Friends_who_came_by_their_own_secret_are_ended_with_the_invite()
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        string invite = await Rig.InviteOf(host);
        RunningRole first = rig.Client(invite);
        await first.Events.WaitAsync<Detail>(d => d.Message.Contains("secret of its own", StringComparison.Ordinal));
        await first.StopAsync();
        RunningRole friend = rig.Client(invite);
        await friend.DirectAsync();
        host.Host!.ReplaceInvite();
        Assert.Equal(ProblemCode.InviteRevoked, (await friend.FailureAsync()).Code);
    }

    [Fact]
    public async Task A_second_host_with_the_same_folder_ends_at_once_and_changes_nothing()
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        string invite = await Rig.InviteOf(host);
        RunningRole second = rig.Host("host", newInvite: true, echo.Spec("echo"));
        PunchlineException end = await second.FailureAsync();
        Assert.Equal(ProblemCode.State, end.Code);
        Assert.Contains(rig.StateOf("host"), end.Message, StringComparison.Ordinal);
        RunningRole client = rig.Client(invite);
        await client.DirectAsync();
        await host.StopAsync();
        RunningRole next = rig.Host(echo.Spec("echo"));
        Assert.Equal(invite, await Rig.InviteOf(next));
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("hello", "punchline1")]
    [InlineData("punchline1000", "cut off")]
    public async Task A_broken_invite_is_named_and_ends_it(string invite, string says)
    {
        await using Rig rig = await Rig.StartAsync();
        RunningRole client = rig.Client(invite);
        PunchlineException end = await client.FailureAsync();
        Assert.Equal(ProblemCode.InviteInvalid, end.Code);
        Assert.Contains(says, end.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_invite_that_lost_its_end_says_how_much_is_missing()
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        string invite = await Rig.InviteOf(host);
        RunningRole client = rig.Client(invite[..^7]);
        PunchlineException end = await client.FailureAsync();
        Assert.Equal(ProblemCode.InviteInvalid, end.Code);
        Assert.Contains("7 characters", end.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_does_not_answer_at_the_first_contact_ends_host_and_client()
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        RunningRole host = rig.Host(echo.Spec("echo"));
        string invite = await Rig.InviteOf(host);
        await host.StopAsync();
        await rig.Server.DisposeAsync();
        foreach (RunningRole role in new[] { rig.Host(echo.Spec("echo")), rig.Client(invite) })
        {
            PunchlineException end = await role.FailureAsync();
            Assert.Equal(ProblemCode.ServerUnreachable, end.Code);
        }
    }
}
