using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.Bench;

/// <summary>A relay on loopback, whose share of the work can be told from that of the load.</summary>
internal interface IRelay : IAsyncDisposable
{
    /// <summary>As the table calls it.</summary>
    string Name { get; }

    /// <summary>Where the client sends to.</summary>
    UdpAddress Server { get; }

    /// <summary>Has what the client's socket sends forwarded to the host's.</summary>
    /// <param name="payload">Bytes of a datagram that is carried.</param>
    /// <returns>What stands before each datagram.</returns>
    byte[] Join(IUdpSocket client, IUdpSocket host, int payload);

    /// <summary>User and system time that it has used so far.</summary>
    double CpuSeconds();
}
