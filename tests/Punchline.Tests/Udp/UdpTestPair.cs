using Punchline.Endpoint;
using Punchline.Quic;
using Punchline.Udp;
using Xunit;

namespace Punchline.Tests.Udp;

/// <summary>Two sockets of one platform and a poller that waits for the second.</summary>
internal sealed class UdpTestPair : IDisposable
{
    /// <summary>Longer than any pause of a busy machine: reached only if a datagram is really missing.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly byte[] _buffer = new byte[EndpointLimits.ReceiveBufferSize];

    public UdpTestPair(string platform, UdpAddress first, UdpAddress second)
    {
        UdpPlatform sockets = UdpTestPlatforms.Named(platform);
        First = sockets.Bind(first);
        Second = sockets.Bind(second);
        Poller = sockets.CreatePoller();
        Poller.Add(First);
        Poller.Add(Second);
    }

    public UdpTestPair(string platform, bool ipv6 = false)
        : this(platform, UdpTestPlatforms.Loopback(ipv6), UdpTestPlatforms.Loopback(ipv6))
    {
    }

    public IUdpSocket First { get; }

    public IUdpSocket Second { get; }

    public IUdpPoller Poller { get; }

    /// <summary>Waits for the next batch.</summary>
    public ReadOnlySpan<byte> Receive(IUdpSocket socket, out UdpReceived received)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (!socket.TryReceive(_buffer, out received))
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Patience, "The datagram did not come.");
            Poller.Wait(Patience);
        }
        return _buffer.AsSpan(0, received.Length);
    }

    /// <summary>Waits for so many datagrams and gives each of them.</summary>
    public List<byte[]> ReceiveDatagrams(IUdpSocket socket, int count)
    {
        var datagrams = new List<byte[]>();
        while (datagrams.Count < count)
        {
            ReadOnlySpan<byte> batch = Receive(socket, out UdpReceived received);
            Split(batch, received.SegmentSize, datagrams);
        }
        return datagrams;
    }

    /// <summary>The datagrams of a batch.</summary>
    public static void Split(ReadOnlySpan<byte> batch, int segmentSize, List<byte[]> into)
    {
        if (batch.IsEmpty)
            into.Add([]);
        for (int offset = 0; offset < batch.Length; offset += segmentSize)
            into.Add(batch.Slice(offset, Math.Min(segmentSize, batch.Length - offset)).ToArray());
    }

    /// <summary>Bytes that differ from place to place.</summary>
    public static byte[] Pattern(int length)
    {
        byte[] bytes = new byte[length];
        uint state = (uint)length + 1;
        for (int i = 0; i < length; i++)
        {
            state = (state * 1_664_525) + 1_013_904_223;
            bytes[i] = (byte)(state >> 24);
        }
        return bytes;
    }

    public void Dispose()
    {
        Poller.Dispose();
        First.Dispose();
        Second.Dispose();
    }
}
