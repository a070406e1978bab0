using Punchline.Quic;
using Punchline.Relay;
using Punchline.Udp;

namespace Punchline.Endpoint;

/// <summary>
/// Our way to one server for relayed datagrams: over UDP while a binding stands there, else over the server's control channel. All paths
/// through that server share it; so what carries them changes at once, and they stay what they are. Driver thread only.
/// </summary>
internal sealed class RelayLink
{
    /// <summary>The server's UDP address, whichever way is taken.</summary>
    public UdpAddress Server { get; set; }

    /// <summary>The socket whose address the server has bound; null while none is.</summary>
    public IUdpSocket? Socket
    {
        get;
        set
        {
            field = value;
            UnansweredSince = Instant.Never;
        }
    }

    /// <summary>The frames of the control channel; null if the server takes none there, or the channel has ended.</summary>
    public ChannelFrames? Channel { get; set; }

    /// <summary>Whether the server relays application data.</summary>
    public bool CarriesData { get; set; }

    /// <summary>What it forwards of that for a pair, both ways together; 0 if it names no limit.</summary>
    public long BytesPerSecond { get; set; }

    /// <summary>When the first datagram left over UDP since the server's last one came; never if it has answered all.</summary>
    public Instant UnansweredSince { get; private set; } = Instant.Never;

    /// <summary>Something left over UDP.</summary>
    public void OnSent(Instant now)
    {
        if (!UnansweredSince.IsSet)
            UnansweredSince = now;
    }

    /// <summary>Something of the server's came over UDP.</summary>
    public void OnHeard() => UnansweredSince = Instant.Never;
}
