using Punchline.Quic;
using Punchline.Stun;
using Punchline.Udp;

namespace Punchline.Endpoint;

/// <summary>A small exchange whose owner looks at it whenever it has sent or received something. Driver thread only.</summary>
internal sealed class WatchedClient(IDatagramClient inner, Action look) : IDatagramClient
{
    /// <inheritdoc/>
    public UdpAddress Server => inner.Server;

    /// <inheritdoc/>
    public Instant NextTimeout => inner.NextTimeout;

    /// <summary>A question whose asker is told once, when it has ended, however it has.</summary>
    public static WatchedClient Asking(StunBinding question, Action<StunBinding> ended)
    {
        bool isTold = false;
        return new WatchedClient(question, () =>
        {
            if (isTold || question.State == StunBindingState.Pending)
                return;
            isTold = true;
            ended(question);
        });
    }

    /// <inheritdoc/>
    public bool TryTransmit(Instant now, Span<byte> buffer, out int length)
    {
        bool any = inner.TryTransmit(now, buffer, out length);
        look();
        return any;
    }

    /// <inheritdoc/>
    public bool TryReceive(Instant now, in UdpAddress from, ReadOnlySpan<byte> datagram)
    {
        if (!inner.TryReceive(now, from, datagram))
            return false;
        look();
        return true;
    }
}
