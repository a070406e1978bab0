using Punchline.Hosting;
using Punchline.Invites;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Testing;
using Punchline.Tests.Endpoint;
using Punchline.Tests.Relay;
using Xunit;

namespace Punchline.Tests.Hosting;

/// <summary>A client's pair at a server, in the test's hand.</summary>
public sealed class ClientLinkTests
{
    private const ulong Handle = 7;
    private static readonly UdpAddress Endpoint = FakeSocket.Address("127.0.0.1:3478");
    private static readonly UdpAddress Seen = FakeSocket.Address("198.51.100.1:40000");

    /// <summary>The channel's reader may be ahead of whoever asked for the pair: as far ahead as it gets.</summary>
    [Fact]
    public async Task A_pair_that_is_closed_before_its_opening_is_taken_is_lost()
    {
        await using ManualNode node = await ManualNode.StartAsync();
        using var server = new FakeServer();
        var read = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var link = new ClientLink(node.Node, server.Address, new byte[32])
        {
            OnServerMessage = message =>
            {
                if (message is RelayLimit)
                    read.TrySetResult();
            },
        };
        Task accepting = server.AcceptAsync(server.Hello(Endpoint));
        Task<ClientPair> opening = link.OpenAsync(new DoorKey(default, new byte[16]), _ => { }, TestContext.Current.CancellationToken);
        await accepting;
        Assert.IsType<Open>(await server.ReceiveAsync());
        await server.SendAsync(new PairClosed(Handle, PairCloseReason.HostLeft));
        // Behind it in the same reader's hands: that one has been looked at.
        await server.SendAsync(new RelayLimit(Handle, RelayLimitReason.Pair, 1));
        await Hang.OrAsync(read.Task, "what the server said");
        await server.SendAsync(new Opened(Handle, new byte[RelayFrame.KeyLength], 1, Seen));
        await node.BindAsync(Endpoint, await Hang.OrAsync(CookieRequestAsync(node), "the request for a cookie"), Seen);
        ClientPair pair = await Hang.OrAsync(opening, "the pair");
        Assert.True(pair.Lost.IsCompleted);
        Assert.True((await pair.Lost).HostLeft);
    }

    private static async Task<byte[]> CookieRequestAsync(ManualNode node)
    {
        while (true)
        {
            if (await node.TakeSentAsync(Endpoint) is [.., var last])
                return last;
            await Task.Yield();
        }
    }
}
