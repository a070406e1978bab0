using Punchline.Udp;

namespace Punchline.Endpoint;

/// <summary>What the loop keeps for each socket: the clients beside QUIC, what it is for, whether its send buffer is full.</summary>
internal sealed class SocketSlot(IUdpSocket socket)
{
    public IUdpSocket Socket { get; } = socket;

    /// <summary>It serves one attempt to meet a peer, and no candidate is paired with it.</summary>
    public bool IsExtra { get; set; }

    /// <summary>Replaced as a whole when it changes, so that a client may be removed while it is being called.</summary>
    public IDatagramClient[] Clients { get; set; } = [];

    /// <summary>The last send would have blocked, and writability is being watched for.</summary>
    public bool Blocked { get; set; }
}
