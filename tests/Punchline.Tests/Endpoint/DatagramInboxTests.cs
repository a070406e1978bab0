using System.Net;
using System.Net.Sockets;
using Punchline.Quic;
using Punchline.Endpoint;
using Punchline.Tunnel;
using Xunit;

namespace Punchline.Tests.Endpoint;

public sealed class DatagramInboxTests
{
    [Fact]
    public void It_keeps_order_and_lengths_and_drops_the_newest_when_full()
    {
        var inbox = new DatagramInbox<int>(3, 8);
        for (int round = 0; round < 5; round++)
        {
            Assert.True(inbox.TryAdd(1, [1, 1]));
            Assert.True(inbox.TryAdd(2, []));
            Assert.True(inbox.TryAdd(3, [3, 3, 3, 3, 3, 3, 3, 3]));
            Assert.False(inbox.TryAdd(4, [4]));
            for (int expected = 1; expected <= 3; expected++)
            {
                Assert.True(inbox.TryPeek(out int tag, out ReadOnlySpan<byte> datagram));
                Assert.Equal(expected, tag);
                Assert.Equal(expected switch { 1 => 2, 2 => 0, _ => 8 }, datagram.Length);
                inbox.Release();
            }
            Assert.False(inbox.TryPeek(out _, out _));
        }
        Assert.Equal(5, inbox.Dropped);
    }

    [Fact]
    public void Many_producers_and_one_consumer_see_every_datagram_whole()
    {
        const int Producers = 3;
        const int Each = 3_000;
        var inbox = new DatagramInbox<int>(64, 64);
        var threads = new Thread[Producers];
        for (int p = 0; p < Producers; p++)
        {
            int producer = p;
            threads[p] = new Thread(() =>
            {
                Span<byte> bytes = stackalloc byte[64];
                bytes.Fill((byte)producer);
                for (int i = 0; i < Each; i++)
                {
                    BitConverter.TryWriteBytes(bytes, i);
                    while (!inbox.TryAdd(producer, bytes))
                        Thread.Yield();
                }
            });
            threads[p].Start();
        }
        int[] next = new int[Producers];
        for (int taken = 0; taken < Producers * Each;)
        {
            if (!inbox.TryPeek(out int producer, out ReadOnlySpan<byte> datagram))
            {
                Thread.Yield();
                continue;
            }
            Assert.Equal(next[producer]++, BitConverter.ToInt32(datagram));
            Assert.Equal(60, datagram[4..].Count((byte)producer));
            inbox.Release();
            taken++;
        }
        Assert.All(next, count => Assert.Equal(Each, count));
    }

    [Theory]
    [InlineData("192.0.2.7", 4433)]
    [InlineData("2001:db8::7", 52000)]
    [InlineData("fe80::1%3", 1)]
    public void The_systems_address_structure_is_read(string address, int port)
    {
        var endPoint = new IPEndPoint(IPAddress.Parse(address), port);
        SocketAddress structure = endPoint.Serialize();
        Assert.True(UdpListenerForwarder.TryRead(structure, out UdpAddress read));
        Assert.Equal(new UdpAddress(endPoint.Address, port), read);
    }
}
