using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Punchline.Quic;
using Punchline.Udp;
using Xunit;

namespace Punchline.Tests.Hosting;

/// <summary>A host whose machine sleeps, and what its log and its events say.</summary>
public sealed class NetworkChangeTests
{
    [Theory]
    [InlineData(LogLevel.Debug)]
    [InlineData(LogLevel.Trace)]
    public async Task A_machine_that_slept_looks_again_and_goes_on(LogLevel level)
    {
        await using Rig rig = await Rig.StartAsync();
        using var echo = new TcpEcho();
        using var log = new LineLog(level);
        var time = new SleepyTime();
        var options = new HostOptions
        {
            Services = [echo.Spec("game")],
            Server = rig.ServerAddress,
            StateDirectory = rig.StateOf("host"),
            TimeProvider = time,
            LoggerFactory = log,
            UdpPlatform = UdpPlatform.Detect(portable: false),
        };
        await using var host = new RunningRole("host", (events, stop) => new PunchlineHost(options, events).RunAsync(stop));
        string invite = await Rig.InviteOf(host);
        RunningRole client = rig.Client(invite);
        await client.DirectAsync();
        Assert.DoesNotContain(log.Lines, IsSleep);
        time.Slept = TimeSpan.FromHours(8);
        await Visitor.EchoAsync(await Rig.PortOf(client, "game"), 10_000);
        Assert.Contains(log.Lines, IsSleep);
        Assert.True(client.Events.Has<PathChanged>() && host.Events.Has<PathChanged>());
        foreach (RunningRole role in new[] { client, host })
            Assert.False(role.Events.Has<PathChanged>(path => path.RoundTripTime == TimeSpan.FromMilliseconds(333)), "a round-trip time that nobody measured");
        // Packet by packet only for whoever asked for it.
        Assert.Equal(level == LogLevel.Trace, log.Lines.Any(line => line.Contains(nameof(TraceKind.PacketReceived), StringComparison.Ordinal)));
    }

    private static bool IsSleep(string line) => line.Contains("the machine slept", StringComparison.Ordinal);

    /// <summary>The system's clocks, and a wall clock that may run ahead.</summary>
    private sealed class SleepyTime : TimeProvider
    {
        private long _slept;

        public TimeSpan Slept
        {
            get => new(Volatile.Read(ref _slept));
            set => Volatile.Write(ref _slept, value.Ticks);
        }

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Slept;
    }

    private sealed class LineLog(LogLevel from) : ILoggerFactory, ILogger
    {
        public ConcurrentQueue<string> Lines { get; } = new();

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= from;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Enqueue(formatter(state, exception));

        public void Dispose()
        {
        }
    }
}
