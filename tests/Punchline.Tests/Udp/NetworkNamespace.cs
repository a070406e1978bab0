using System.Diagnostics;
using System.Net.NetworkInformation;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Xunit;

namespace Punchline.Tests.Udp;

/// <summary>
/// Runs code on a thread in a network namespace of its own, whose loopback device only this test uses. The kernel ends the
/// namespace with the thread and its sockets. Programs started by that thread are in it as well.
/// </summary>
[SupportedOSPlatform("linux")]
internal static class NetworkNamespace
{
    private const int NewNetwork = 0x4000_0000;

    /// <summary>Runs an action inside; skips the test where that is not allowed.</summary>
    /// <param name="action">What to run.</param>
    /// <param name="commands">Programs to run before it, each with its arguments.</param>
    public static void Run(Action action, params string[] commands)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "needs root on Linux for a network namespace");
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                if (Unshare(NewNetwork) != 0)
                    throw new InvalidOperationException($"unshare failed with error {Marshal.GetLastPInvokeError()}.");
                Execute("ip link set lo up");
                foreach (string command in commands)
                    Execute(command);
                foreach (string device in commands.Select(static command => command.Split(' ')).Where(static words => words is ["ip", "link", "set", _, "up"]).Select(static words => words[3]))
                    AwaitCarrier(device);
                action();
            }
            catch (Exception exception)
            {
                failure = ExceptionDispatchInfo.Capture(exception);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
    }

    /// <summary>The kernel notices a carrier some time after the command that brought it.</summary>
    private static void AwaitCarrier(string device)
    {
        bool isUp = SpinWait.SpinUntil(
            () => NetworkInterface.GetAllNetworkInterfaces().Any(known => known.Name == device && known.OperationalStatus is (OperationalStatus.Up or OperationalStatus.Unknown)),
            TimeSpan.FromSeconds(30));
        if (!isUp)
            throw new InvalidOperationException($"{device} does not come up.");
    }

    private static void Execute(string command)
    {
        string[] words = command.Split(' ');
        using Process process = Process.Start(new ProcessStartInfo(words[0], words[1..]) { RedirectStandardError = true, UseShellExecute = false })!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{command}: {error}");
    }

    [DllImport("libc", EntryPoint = "unshare", SetLastError = true)]
    private static extern int Unshare(int flags);
}
