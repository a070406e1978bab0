using System.Diagnostics;
using Punchline.Cli;
using Xunit;

namespace Punchline.Tests.Cli;

/// <summary>The program as a process of its own, and how it ends.</summary>
public sealed class ProgramTests
{
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
        // It has said that it waits: from then on it listens to signals.
        Assert.Contains("standard input", await program.StandardError.ReadLineAsync(Cancel), StringComparison.Ordinal);
        using (var kill = Process.Start("kill", [$"-{signal}", $"{program.Id}"]))
            await kill.WaitForExitAsync(Cancel);
        await program.WaitForExitAsync(Cancel);
        Assert.Equal(0, program.ExitCode);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static Process Start(params string[] arguments) => Process.Start(
        new ProcessStartInfo("dotnet", [typeof(CommandLine).Assembly.Location, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        })!;
}
