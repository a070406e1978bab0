using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Punchline.Cli;
using Punchline.Testing;
using Xunit;

namespace Punchline.Tests.Cli;

/// <summary>The program as a process of its own, and how it ends.</summary>
public sealed class ProgramTests
{
    private const string EnvironmentProgram = "env";

    [Fact]
    public void The_first_request_is_for_a_clean_end_and_the_second_ends_at_once()
    {
        List<ExitCode> ended = [];
        using var shutdown = new Shutdown(ended.Add);
        Assert.False(shutdown.Token.IsCancellationRequested);
        shutdown.Request();
        Assert.True(shutdown.Token.IsCancellationRequested);
        Assert.Empty(ended);
        shutdown.Request();
        Assert.Equal([ExitCode.Interrupted], ended);
    }

    [Fact]
    public async Task A_mistake_is_one_line_on_standard_error()
    {
        using var program = Start("host", "nonsense", "--server", "s");
        var (output, error) = (program.StandardOutput.ReadToEndAsync(Cancel), program.StandardError.ReadToEndAsync(Cancel));
        await program.WaitForExitAsync(Cancel);
        Assert.Equal((int)ExitCode.Usage, program.ExitCode);
        Assert.Empty(await output);
        Assert.StartsWith("punchline: 'nonsense' is no service", Assert.Single((await error).TrimEnd().Split('\n')), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    [InlineData("HUP")]
    public async Task A_signal_ends_it_cleanly_even_while_it_waits_for_an_invite(string signal)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no signals");
        using var program = Start("join", "-", "-v");
        await SignalOnceItWaits(program, signal);
        await Hang.OrAsync(program.WaitForExitAsync(Cancel), $"its end after {signal}");
        Assert.Equal(0, program.ExitCode);
    }

    [Fact]
    public async Task Under_nohup_it_goes_on_when_the_terminal_goes()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no signals");
        using var program = StartAs("nohup", [], "join", "-", "-v");
        await SignalOnceItWaits(program, "HUP");
        await program.StandardInput.WriteLineAsync("nonsense".AsMemory(), Cancel);
        program.StandardInput.Close();
        await Hang.OrAsync(program.WaitForExitAsync(Cancel), "its end after a wrong invite");
        Assert.Equal((int)ExitCode.InviteInvalid, program.ExitCode);
    }

    [Fact]
    public async Task Systemd_is_told_when_the_server_serves_and_when_it_goes()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "systemd is Linux's");
        var folder = Directory.CreateTempSubdirectory("punchline-systemd-");
        try
        {
            var path = Path.Combine(folder.FullName, "notify");
            using var manager = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            manager.Bind(new UnixDomainSocketEndPoint(path));
            // All of 127.0.0.0/8 is this machine: an address that no other test has.
            var id = Environment.ProcessId;
            using var program = StartAs(EnvironmentProgram, [$"NOTIFY_SOCKET={path}"], "serve", "--listen", $"127.{100 + (id >> 16 & 63)}.{id >> 8 & 255}.{id & 255}:3478");
            Assert.Equal("READY=1", await Heard(manager));
            using (var kill = Process.Start("kill", ["-TERM", $"{program.Id}"]))
                await kill.WaitForExitAsync(Cancel);
            Assert.Equal("STOPPING=1", await Heard(manager));
            await program.WaitForExitAsync(Cancel);
            Assert.Equal(0, program.ExitCode);
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        static async Task<string> Heard(Socket manager)
        {
            var buffer = new byte[256];
            return Encoding.UTF8.GetString(buffer, 0, await manager.ReceiveAsync(buffer, Cancel)).TrimEnd();
        }
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    // It has said that it waits: from then on it listens to signals.
    private static async Task SignalOnceItWaits(Process program, string signal)
    {
        Assert.Contains("standard input", await program.StandardError.ReadLineAsync(Cancel), StringComparison.Ordinal);
        using var kill = Process.Start("kill", [$"-{signal}", $"{program.Id}"]);
        await kill.WaitForExitAsync(Cancel);
    }

    // Who started the tests may have had signals ignored (nohup, a shell's background), which a program inherits.
    private static Process Start(params string[] arguments) => OperatingSystem.IsLinux()
        ? StartAs(EnvironmentProgram, ["--default-signal"], arguments)
        : StartAs("dotnet", [], arguments);

    /// <summary>Starts it by way of a program that becomes it.</summary>
    private static Process StartAs(string starter, string[] itsArguments, params string[] arguments)
    {
        string[] program = [typeof(CommandLine).Assembly.Location, .. arguments];
        return Process.Start(new ProcessStartInfo(starter, starter == "dotnet" ? program : [.. itsArguments, "dotnet", .. program])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        })!;
    }
}
