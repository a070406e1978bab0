using System.Net;
using System.Net.Sockets;
using System.Text;
using Punchline.Lab.Driver;
using Punchline.Lab.Scenes;

namespace Punchline.Lab.Silence;

/// <summary>Whoever copies the line between two friends has no byte of what they say to each other.</summary>
[Trait("Length", "Medium")]
public sealed class PlaintextTests
{
    private const int Port = 7799;

    /// <summary>So short that a packet which holds text at all holds it whole.</summary>
    private const string Text = "between friends alone; ";

    private const int Repeats = 20_000;

    [LabFact(Programs = "tcpdump")]
    public async Task The_line_carries_no_plaintext()
    {
        await using var scene = await TunnelScene.StartAsync(new TunnelOptions { Services = [$"diary-entry=tcp:{Port}"] });
        using var listener = LabSocket.Listen(scene.Lab, "a", new IPEndPoint(IPAddress.Loopback, Port));
        var answering = AnswerAsync(listener);

        // The same text passes the host's own loopback in the clear, so it would be found.
        await using var line = await PacketCapture.StartAsync(scene.Lab, "a", "udp or tcp");
        await using var inside = await PacketCapture.StartAsync(scene.Lab, "a", $"tcp and port {Port}", device: "lo");
        var client = await scene.JoinDirectAsync();
        using var socket = await LabSocket.ConnectAsync(scene.Lab, "b", await client.AddressAsync("diary-entry"));
        var text = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(Text, Repeats)));
        var sending = SendAsync(socket, text);
        var received = 0;
        var buffer = new byte[65_536];
        while (await socket.ReceiveAsync(buffer) is > 0 and var count)
            received += count;
        await sending;
        Assert.Equal(text.Length, received);
        await answering;

        var seen = await line.StopAsync();
        // Both directions went over the line. A capture may miss packets of a burst; most of them is enough to look through.
        Assert.True(seen.Sum(packet => packet.Payload.Length) > text.Length);
        Assert.True(Holds(await inside.StopAsync(), Text));
        foreach (var secret in new[] { Text, "diary-entry", scene.Invite[^20..] })
            Assert.False(Holds(seen, secret), $"'{secret}' was on the line");
    }

    private static bool Holds(IReadOnlyList<CapturedPacket> packets, string text) =>
        packets.Any(packet => packet.Payload.AsSpan().IndexOf(Encoding.ASCII.GetBytes(text)) >= 0);

    private static async Task SendAsync(Socket socket, byte[] bytes)
    {
        for (var at = 0; at < bytes.Length;)
            at += await socket.SendAsync(bytes.AsMemory(at));
        socket.Shutdown(SocketShutdown.Send);
    }

    // The host looks in once and says nothing; the first who says something gets it back.
    private static async Task AnswerAsync(Socket listener)
    {
        var buffer = new byte[65_536];
        for (var total = 0; total == 0;)
        {
            using var socket = await listener.AcceptAsync();
            while (await socket.ReceiveAsync(buffer) is > 0 and var count)
            {
                total += count;
                for (var at = 0; at < count;)
                    at += await socket.SendAsync(buffer.AsMemory(at, count - at));
            }
        }
    }
}
