using System.Net;
using System.Net.Sockets;
using Punchline.Hosting;
using Punchline.Testing;
using Xunit;

namespace Punchline.Tests.Hosting;

/// <summary>How a host looks whether its services are there: seldom, and without disturbing them.</summary>
public sealed class HostServicesTests
{
    private readonly ManualTime _time = new();
    private readonly EventRecorder _recorder = new("host");

    [Fact]
    public async Task A_service_that_listens_is_seen_without_a_connection_and_again_after_a_refusal()
    {
        using var game = new TcpListener(IPAddress.Loopback, 0);
        game.Start();
        await WatchAsync(((IPEndPoint)game.LocalEndpoint).Port, async services =>
        {
            services.OnRefused(1);
            await UntilAsync<Notice>(n => n.Message.Contains("something listens", StringComparison.Ordinal));
        });
        Assert.False(game.Pending());
        Assert.False(_recorder.Has<Problem>());
    }

    [Fact]
    public async Task A_service_that_comes_later_is_missed_once_and_found()
    {
        using var reserving = new TcpListener(IPAddress.Loopback, 0);
        reserving.Start();
        int port = ((IPEndPoint)reserving.LocalEndpoint).Port;
        reserving.Stop();
        using var game = new TcpListener(IPAddress.Loopback, port);
        await WatchAsync(port, async _ =>
        {
            await UntilAsync<Problem>(p => p.Code == ProblemCode.ServiceDown);
            game.Start();
            await UntilAsync<Notice>(n => n.Message.Contains("something listens", StringComparison.Ordinal));
        });
        Assert.False(game.Pending());
    }

    private async Task WatchAsync(int port, Func<HostServices, Task> test)
    {
        using var stop = new CancellationTokenSource();
        var events = new EventSink(_recorder, TimeProvider.System);
        var services = new HostServices([new ServiceSpec("game", ServiceProtocol.Tcp, "127.0.0.1", port)], _time);
        Task watching = services.WatchAsync(events, stop.Token);
        await test(services);
        await stop.CancelAsync();
        await watching;
        await events.CompleteAsync();
    }

    // Moves the time on until it happens: when a wait begins is another thread's business.
    private async Task UntilAsync<T>(Func<T, bool> fits)
        where T : PunchlineEvent
    {
        using var limit = new CancellationTokenSource(EventRecorder.Limit);
        while (!_recorder.Has(fits))
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(1, limit.Token);
        }
    }
}
