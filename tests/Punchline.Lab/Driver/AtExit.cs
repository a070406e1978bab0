using System.Runtime.InteropServices;

namespace Punchline.Lab.Driver;

/// <summary>What must be put away when the test process ends in the middle of a test.</summary>
internal static class AtExit
{
    private static readonly Lock Gate = new();
    private static readonly HashSet<Action> Actions = [];
    private static readonly List<PosixSignalRegistration> Signals = [];

    static AtExit()
    {
        AppDomain.CurrentDomain.ProcessExit += (_, _) => RunAll();
        // Since .NET 10 these signals end a process without ProcessExit, unless somebody asks. (Ctrl-C is the runner's.)
        foreach (var (signal, exitCode) in new[] { (PosixSignal.SIGTERM, 143), (PosixSignal.SIGHUP, 129) })
            Signals.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                Environment.Exit(exitCode);
            }));
    }

    public static void Add(Action action)
    {
        lock (Gate)
            Actions.Add(action);
    }

    public static void Remove(Action action)
    {
        lock (Gate)
            Actions.Remove(action);
    }

    private static void RunAll()
    {
        Action[] actions;
        lock (Gate)
            actions = [.. Actions];
        foreach (var action in actions)
            action();
    }
}
