using System.Net;
using Punchline.Cli;
using Punchline.Cli.Roles;
using Xunit;

namespace Punchline.Tests.Cli;

/// <summary>From arguments and variables to options, exit codes and one line for each mistake.</summary>
public sealed class CommandLineTests : IDisposable
{
    private static readonly DateTimeOffset Time = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private readonly CliFixture _cli = new();

    public void Dispose() => _cli.Dispose();

    [Theory]
    [InlineData]
    [InlineData("host")]
    [InlineData("join")]
    [InlineData("serve")]
    [InlineData("doctor")]
    [InlineData("demo")]
    public async Task Help_ends_with_two_examples(params string[] command)
    {
        Assert.Equal(ExitCode.Success, await _cli.RunAsync([.. command, "--help"]));
        var lines = _cli.Out.TrimEnd().Split('\n').Select(line => line.TrimEnd()).ToArray();
        Assert.Equal("Examples:", lines[^3]);
        Assert.All(lines[^2..], line => Assert.Contains($"punchline {string.Join("", command)}", line, StringComparison.Ordinal));
        Assert.Contains("punchline", _cli.Out, StringComparison.Ordinal);
        Assert.Empty(_cli.Error);
    }

    [Theory]
    [InlineData("host", "--server", "--state", "--new-invite", "--invite-file", "--host-password-file", "--no-port-mapping", "--json", "--verbose")]
    [InlineData("join", "--listen", "--map", "--state", "--invite-file", "--no-port-mapping", "--json", "--verbose")]
    [InlineData("serve", "--listen", "--stun-alt", "--host-password-file", "--allow-hosts", "--admin", "--name", "--advertise", "--trusted-proxy",
        "--max-channels", "--max-channels-per-address", "--max-pairs-per-host", "--json", "--verbose")]
    [InlineData("doctor", "--server", "--long", "--state", "--invite-file", "--no-port-mapping", "--no-spray", "--json", "--verbose")]
    [InlineData("demo", "--listen", "--once", "--nat", "--json", "--verbose")]
    public async Task Every_option_has_its_variable_in_the_help(string command, params string[] options)
    {
        await _cli.RunAsync(command, "--help");
        Assert.All(options, option =>
        {
            Assert.Contains(option, _cli.Out, StringComparison.Ordinal);
            Assert.Contains($"[PUNCHLINE_{option[2..].Replace('-', '_').ToUpperInvariant()}]", _cli.Out, StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task Version_is_one_line()
    {
        Assert.Equal(ExitCode.Success, await _cli.RunAsync("--version"));
        Assert.Matches(@"^\d+\.\d+\.\d+\S*\r?\n$", _cli.Out);
    }

    [Theory]
    [InlineData("say what to do")]
    [InlineData("'dance'", "dance")]
    [InlineData("say what to share", "host", "--server", "s")]
    [InlineData("no server", "host", "25565")]
    [InlineData("no server", "doctor")]
    [InlineData("unknown option '--fast'", "host", "25565", "--fast")]
    [InlineData("unknown option '-x'", "join", "-x")]
    [InlineData("'nonsense' is no service", "host", "nonsense", "--server", "s")]
    [InlineData("--server: 'http://x' is not HOST", "host", "25565", "--server", "http://x")]
    [InlineData("--listen: '1' is not ADDRESS:PORT", "join", "invite", "--listen", "1")]
    [InlineData("--map: 'web' is not NAME=ADDRESS:PORT", "join", "invite", "--map", "web")]
    [InlineData("--map: 'a' is there twice", "join", "invite", "--map", "a=127.0.0.1:1", "--map", "a=127.0.0.1:2")]
    [InlineData("no invite", "join")]
    [InlineData("say one of them", "join", "invite", "--invite-file", "f")]
    [InlineData("say one of them", "doctor", "invite", "--invite-file", "f")]
    [InlineData("'--relay-only'", "serve", "--relay-only")]
    [InlineData("'--listen'", "serve", "--listen")]
    [InlineData("'extra'", "serve", "extra")]
    public async Task A_wrong_command_line_is_one_line_and_exit_code_2(string expected, params string[] arguments)
    {
        Assert.Equal(ExitCode.Usage, await _cli.RunAsync(arguments));
        var line = Assert.Single(_cli.Error.TrimEnd().Split('\n'));
        Assert.StartsWith("punchline: ", line, StringComparison.Ordinal);
        Assert.Contains(expected, line, StringComparison.Ordinal);
        Assert.Contains("--help'", line, StringComparison.Ordinal);
        Assert.Empty(_cli.Out);
        Assert.Null(_cli.Roles.Options);
    }

    [Fact]
    public async Task Host_gets_what_was_said()
    {
        var password = _cli.FileWith("password", "s3cret\n");
        await _cli.RunAsync(
            "host", "25565", "game=udp:19132", "--server", "s.example:443", "--state", _cli.Folder, "--new-invite", "--host-password-file", password);
        var options = Assert.IsType<HostOptions>(_cli.Roles.Options);
        Assert.Equal(["tcp-25565", "game"], options.Services.Select(service => service.Name));
        Assert.Equal("s.example:443", options.Server);
        Assert.Equal(_cli.Folder, options.StateDirectory);
        Assert.True(options.NewInvite);
        Assert.Equal("s3cret", options.HostPassword);
        Assert.True(_cli.Roles.Disposed);
    }

    [Fact]
    public async Task Host_gets_what_the_variables_say()
    {
        _cli.Variables["PUNCHLINE_SERVICES"] = "25565, udp:19132";
        _cli.Variables["PUNCHLINE_SERVER"] = "v.example";
        _cli.Variables["PUNCHLINE_STATE"] = _cli.Folder;
        _cli.Variables["PUNCHLINE_NEW_INVITE"] = "true";
        _cli.Variables["PUNCHLINE_HOST_PASSWORD_FILE"] = _cli.FileWith("password", "p");
        Assert.Equal(ExitCode.Success, await _cli.RunAsync("host"));
        var options = Assert.IsType<HostOptions>(_cli.Roles.Options);
        Assert.Equal(["tcp-25565", "udp-19132"], options.Services.Select(service => service.Name));
        Assert.Equal(("v.example", _cli.Folder, true, "p"), (options.Server, options.StateDirectory, options.NewInvite, options.HostPassword));
    }

    [Fact]
    public async Task An_option_wins_over_its_variable()
    {
        _cli.Variables["PUNCHLINE_SERVER"] = "variable.example";
        await _cli.RunAsync("host", "1", "--server", "option.example");
        Assert.Equal("option.example", Assert.IsType<HostOptions>(_cli.Roles.Options).Server);
    }

    [Theory]
    [InlineData("PUNCHLINE_NEW_INVITE", "maybe")]
    [InlineData("PUNCHLINE_SERVER", "a b")]
    public async Task A_wrong_variable_is_named(string name, string value)
    {
        _cli.Variables[name] = value;
        Assert.Equal(ExitCode.Usage, await _cli.RunAsync("host", "1"));
        Assert.Contains($"{name}: '{value}'", _cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Join_gets_what_was_said()
    {
        await _cli.RunAsync("join", "punchline://abc", "def", "--listen", "127.0.0.1:1", "--map", "a=127.0.0.1:2", "--map", "b=[::1]:3");
        var options = Assert.IsType<ClientOptions>(_cli.Roles.Options);
        Assert.Equal("punchline://abc def", options.Invite);
        Assert.Equal(IPEndPoint.Parse("127.0.0.1:1"), options.Listen);
        Assert.Equal(["a", "b"], options.Map.Keys);
        Assert.Equal(IPEndPoint.Parse("[::1]:3"), options.Map["b"]);
        Assert.Equal(Path.Combine(_cli.Folder, "punchline"), options.StateDirectory);
    }

    [Fact]
    public async Task The_router_is_asked_for_a_port_unless_somebody_says_no()
    {
        await _cli.RunAsync("host", "1", "--server", "s");
        Assert.True(Assert.IsType<HostOptions>(_cli.Roles.Options).PortMapping);
        await _cli.RunAsync("host", "1", "--server", "s", "--no-port-mapping");
        Assert.False(Assert.IsType<HostOptions>(_cli.Roles.Options).PortMapping);
        await _cli.RunAsync("join", "abc");
        Assert.True(Assert.IsType<ClientOptions>(_cli.Roles.Options).PortMapping);
        _cli.Variables["PUNCHLINE_NO_PORT_MAPPING"] = "1";
        await _cli.RunAsync("join", "abc");
        Assert.False(Assert.IsType<ClientOptions>(_cli.Roles.Options).PortMapping);
    }

    [Fact]
    public async Task Nothing_is_written_down_of_connections_unless_somebody_says_where()
    {
        await _cli.RunAsync("host", "1", "--server", "s");
        var quiet = Assert.IsType<HostOptions>(_cli.Roles.Options);
        Assert.Equal((null, null), (quiet.QlogDirectory, quiet.KeyLogFile));
        await _cli.RunAsync("host", "1", "--server", "s", "--qlog", "q", "--keylog", "k");
        var host = Assert.IsType<HostOptions>(_cli.Roles.Options);
        Assert.Equal(("q", "k"), (host.QlogDirectory, host.KeyLogFile));
        await _cli.RunAsync("join", "punchline://abc", "--qlog", "q", "--keylog", "k");
        var client = Assert.IsType<ClientOptions>(_cli.Roles.Options);
        Assert.Equal(("q", "k"), (client.QlogDirectory, client.KeyLogFile));
        await _cli.RunAsync("demo", "--qlog", "q", "--keylog", "k");
        var demo = Assert.IsType<DemoSettings>(_cli.Roles.Options);
        Assert.Equal((Path.GetFullPath("q"), Path.GetFullPath("k")), (demo.Qlog, demo.KeyLog));
    }

    [Fact]
    public async Task Join_gets_what_the_variables_say()
    {
        _cli.Variables["PUNCHLINE_INVITE"] = "from-variable";
        _cli.Variables["PUNCHLINE_LISTEN"] = "127.0.0.1:7";
        _cli.Variables["PUNCHLINE_MAP"] = "a=127.0.0.1:2 b=127.0.0.1:3";
        await _cli.RunAsync("join");
        var options = Assert.IsType<ClientOptions>(_cli.Roles.Options);
        Assert.Equal(("from-variable", 7, 2), (options.Invite, options.Listen!.Port, options.Map.Count));
    }

    [Fact]
    public async Task An_invite_comes_from_standard_input()
    {
        _cli.Input = "  punchline://\n  abc \n";
        await _cli.RunAsync("join", "-");
        Assert.Equal("punchline://\n  abc", Assert.IsType<ClientOptions>(_cli.Roles.Options).Invite);
    }

    [Fact]
    public async Task An_invite_comes_from_a_file()
    {
        await _cli.RunAsync("join", "--invite-file", _cli.FileWith("invite", "abc\r\n"));
        Assert.Equal("abc", Assert.IsType<ClientOptions>(_cli.Roles.Options).Invite);
    }

    [Fact]
    public async Task An_invite_is_asked_for_on_a_terminal_alone()
    {
        (_cli.Input, _cli.InputIsTerminal) = ("abc\nnot this\n", true);
        Assert.Equal(ExitCode.Success, await _cli.RunAsync("join"));
        Assert.Equal("abc", Assert.IsType<ClientOptions>(_cli.Roles.Options).Invite);
        Assert.Contains("Paste the invite", _cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_doctor_takes_the_invite_as_join_does_and_the_folder_with_it()
    {
        await _cli.RunAsync("doctor", "punchline1abc", "def", "--state", _cli.Folder, "--no-spray", "--no-port-mapping");
        var options = Assert.IsType<DoctorOptions>(_cli.Roles.Options);
        Assert.False(options.RelayOnly);
        Assert.Equal(("punchline1abc def", null, _cli.Folder, false, false), (options.Invite, options.Server, options.StateDirectory, options.AllowsSpray, options.PortMapping));
        await _cli.RunAsync("doctor", "punchline1abc", "--server", "s.example", "--relay-only");
        Assert.True(Assert.IsType<DoctorOptions>(_cli.Roles.Options).RelayOnly);
        Assert.Equal("s.example", Assert.IsType<DoctorOptions>(_cli.Roles.Options).Server);
        _cli.Input = " abc \n";
        await _cli.RunAsync("doctor", "-");
        Assert.Equal("abc", Assert.IsType<DoctorOptions>(_cli.Roles.Options).Invite);
        await _cli.RunAsync("doctor", "--invite-file", _cli.FileWith("invite", "xyz\r\n"));
        options = Assert.IsType<DoctorOptions>(_cli.Roles.Options);
        Assert.Equal(("xyz", Path.Combine(_cli.Folder, "punchline"), true, true), (options.Invite, options.StateDirectory, options.AllowsSpray, options.PortMapping));
    }

    [Fact]
    public async Task An_empty_or_endless_invite_is_no_invite()
    {
        Assert.Equal(ExitCode.InviteInvalid, await _cli.RunAsync("join", "-"));
        _cli.Input = new string('x', 1_000_000);
        Assert.Equal(ExitCode.InviteInvalid, await _cli.RunAsync("join", "-"));
        Assert.Null(_cli.Roles.Options);
    }

    [Fact]
    public async Task The_last_invite_is_remembered_once_it_has_listened()
    {
        await _cli.RunAsync("join", "never-listened");
        Assert.Equal(ExitCode.Usage, await _cli.RunAsync("join"));
        _cli.Roles.Run = (events, _) =>
        {
            events.Report(new Listening(Time, "game", ServiceProtocol.Tcp, IPEndPoint.Parse("127.0.0.1:52000"), IsKnown: true));
            return Task.CompletedTask;
        };
        await _cli.RunAsync("join", "good-one");
        Assert.Equal(ExitCode.Success, await _cli.RunAsync("join"));
        Assert.Equal("good-one", Assert.IsType<ClientOptions>(_cli.Roles.Options).Invite);
    }

    [Fact]
    public async Task The_last_server_is_remembered_once_it_has_answered()
    {
        await _cli.RunAsync("host", "1", "--server", "silent.example");
        Assert.Equal(ExitCode.Usage, await _cli.RunAsync("host", "1"));
        _cli.Roles.Run = (events, _) =>
        {
            events.Report(new HostReady(Time, "good.example"));
            return Task.CompletedTask;
        };
        await _cli.RunAsync("host", "1", "--server", "good.example");
        await _cli.RunAsync("host", "2");
        Assert.Equal("good.example", Assert.IsType<HostOptions>(_cli.Roles.Options).Server);
    }

    [Fact]
    public async Task What_is_remembered_nobody_else_can_read()
    {
        if (OperatingSystem.IsWindows())
            return;   // Windows keeps no such modes: the user's folder has its access list
        _cli.Roles.Run = (events, _) =>
        {
            events.Report(new InviteCreated(Time, "secret"));
            events.Report(new HostReady(Time, "s"));
            return Task.CompletedTask;
        };
        var file = Path.Combine(_cli.Folder, "deep", "invite");
        await _cli.RunAsync("host", "1", "--server", "s", "--invite-file", file);
        Assert.Equal("secret\n", await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(_cli.Folder, "punchline", "last-server")));
    }

    [Fact]
    public async Task A_folder_that_cannot_be_written_ends_nothing()
    {
        var state = _cli.FileWith("a-file", "");
        _cli.Roles.Run = (events, _) =>
        {
            events.Report(new HostReady(Time, "s"));
            return Task.CompletedTask;
        };
        Assert.Equal(ExitCode.Success, await _cli.RunAsync("host", "1", "--server", "s", "--state", state));
        Assert.Contains("cannot write", _cli.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_home_the_state_folder_must_be_said()
    {
        _cli.ConfigurationFolder = "";
        Assert.Equal(ExitCode.Usage, await _cli.RunAsync("host", "1", "--server", "s"));
        Assert.Contains("--state", _cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Demo_gets_what_was_said()
    {
        await _cli.RunAsync("demo", "--once", "--nat");
        Assert.Equal(new DemoSettings(null, Once: true, Nat: true), _cli.Roles.Options);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_password_file_that_is_missing_or_empty_is_said(bool missing)
    {
        var path = missing ? Path.Combine(_cli.Folder, "none") : _cli.FileWith("empty", "\n");
        Assert.Equal(ExitCode.State, await _cli.RunAsync("serve", "--host-password-file", path));
        Assert.Contains(path, Assert.Single(_cli.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ProblemCode.InviteInvalid, "invite-invalid", 3)]
    [InlineData(ProblemCode.InviteRevoked, "invite-revoked", 4)]
    [InlineData(ProblemCode.ServerUnreachable, "server-unreachable", 5)]
    [InlineData(ProblemCode.ServerRefused, "server-refused", 6)]
    [InlineData(ProblemCode.HostOffline, "host-offline", 7)]
    [InlineData(ProblemCode.VersionMismatch, "version-mismatch", 8)]
    [InlineData(ProblemCode.PortUnavailable, "port-unavailable", 9)]
    [InlineData(ProblemCode.ServiceDown, "service-down", 10)]
    [InlineData(ProblemCode.NoDirectPath, "no-direct-path", 11)]
    [InlineData(ProblemCode.ConnectionLost, "connection-lost", 12)]
    [InlineData(ProblemCode.Displaced, "displaced", 13)]
    [InlineData(ProblemCode.State, "state", 14)]
    public async Task A_problem_has_its_exit_code_and_its_name(ProblemCode code, string name, int exitCode)
    {
        _cli.Roles.Run = (_, _) => throw new PunchlineException(code, "what happened");
        Assert.Equal((ExitCode)exitCode, await _cli.RunAsync("join", "invite", "--json"));
        Assert.Equal("punchline: what happened", _cli.Error.TrimEnd());
        var json = Assert.Single(_cli.Json);
        Assert.Equal("error", json.GetProperty("event").GetString());
        Assert.Equal(name, json.GetProperty("code").GetString());
        Assert.Equal("what happened", json.GetProperty("message").GetString());
        Assert.Equal(exitCode, json.GetProperty("exitCode").GetInt32());
        Assert.True(_cli.Roles.Disposed);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Our_own_mistake_is_one_line_without_a_stack_trace(bool verbose)
    {
        _cli.Roles.Run = (_, _) => throw new InvalidOperationException("two\nlines");
        Assert.Equal(ExitCode.Internal, await _cli.RunAsync(verbose ? ["join", "invite", "-v"] : ["join", "invite"]));
        Assert.Equal(verbose, _cli.Error.Contains("   at ", StringComparison.Ordinal));
        Assert.Contains("two lines", _cli.Error.TrimEnd().Split('\n')[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrong_command_line_is_an_event_as_well()
    {
        Assert.Equal(ExitCode.Usage, await _cli.RunAsync("join", "--json"));
        Assert.Equal("usage", Assert.Single(_cli.Json).GetProperty("code").GetString());
    }

    [Fact]
    public async Task A_stop_is_a_clean_end()
    {
        using var stop = new CancellationTokenSource();
        _cli.Roles.Run = async (_, token) =>
        {
            await stop.CancelAsync();
            token.ThrowIfCancellationRequested();
        };
        Assert.Equal(ExitCode.Success, await _cli.RunAsync(stop.Token, "demo"));
        Assert.True(_cli.Roles.Disposed);
    }
}
