using Punchline.Protocol;

namespace Punchline.Relay;

/// <summary>Whether the other end of a control channel still lives: pings all the time, and one more whenever somebody doubts it.</summary>
internal sealed class ChannelPulse(ChannelSocket socket, TimeProvider time)
{
    /// <summary>Keeps the mapping of a NAT alive for TCP too, and is the pace at which a dead server is noticed.</summary>
    public static readonly TimeSpan PingInterval = TimeSpan.FromSeconds(15);

    /// <summary>Three pings without any sign of life.</summary>
    public static readonly TimeSpan SilenceLimit = TimeSpan.FromSeconds(45);

    /// <summary>For the answer to the ping of a check: many times the round trip of any link, and short enough for whoever has just woken his machine.</summary>
    public static readonly TimeSpan CheckLimit = TimeSpan.FromSeconds(3);

    /// <summary>Beyond every number of the regular pings; that an answer comes is enough, whichever it answers.</summary>
    private const ulong CheckEcho = ulong.MaxValue;

    private int _checking;

    /// <summary>Pings until the end.</summary>
    /// <exception cref="ServerChannelException">The server is silent.</exception>
    public async Task RunAsync(CancellationToken ending)
    {
        using var timer = new PeriodicTimer(PingInterval, time);
        ulong echo = 0;
        while (await timer.WaitForNextTickAsync(ending).ConfigureAwait(false))
        {
            if (time.GetElapsedTime(socket.LastHeard) > SilenceLimit)
                throw new ServerChannelException(socket.Server, ServerFailure.NoAnswer);
            await socket.SendAsync(new Ping(++echo), ending).ConfigureAwait(false);
        }
    }

    /// <summary>Pings once, unless such a check runs already: the server takes few messages a second.</summary>
    /// <exception cref="ServerChannelException">There was no sign of life within <see cref="CheckLimit"/>.</exception>
    public async Task CheckAsync(CancellationToken ending)
    {
        if (Interlocked.Exchange(ref _checking, 1) != 0)
            return;
        long asked = time.GetTimestamp();
        _ = PingAsync(ending);
        await Task.Delay(CheckLimit, time, ending).ConfigureAwait(false);
        if (socket.LastHeard < asked)
            throw new ServerChannelException(socket.Server, ServerFailure.NoAnswer);
        Volatile.Write(ref _checking, 0);
    }

    // Not waited for: with a dead connection even sending may wait. Where it fails, the connection has ended, which its reader tells.
    private async Task PingAsync(CancellationToken ending) =>
        await socket.SendAsync(new Ping(CheckEcho), ending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}
