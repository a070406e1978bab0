using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using Punchline.Lab.Driver;
using Punchline.Lab.Fixtures;
using Punchline.Lab.Scenes;

namespace Punchline.Lab.Diagnostics;

/// <summary>An implementation that nobody here wrote reads a tunnel's packets, and finds in them what both ends' qlog files tell.</summary>
[Trait("Length", "Medium")]
public sealed class WiresharkTests
{
    private const string Unknown = "unknown";

    /// <summary>Of a in its LAN (natlab/README.md).</summary>
    private static readonly IPAddress HostAddress = IPAddress.Parse("192.168.1.2");

    private static readonly string Script = Path.Combine(Repository.Root, "docs", "wireshark", "punchline.lua");

    private sealed record Datagram(bool FromHost, bool HasLongHeader, IReadOnlyList<ulong> Numbers, string Frames, bool IsMalformed);

    [LabFact(Programs = "tcpdump tshark")]
    public async Task Wireshark_reads_each_packet_as_both_ends_tell_it()
    {
        using var folder = new WorkFolder();
        // Without segmentation offload: a capture has what leaves in one call as one packet.
        await using var scene = await TunnelScene.StartAsync(new TunnelOptions
        {
            Portable = true,
            HostArguments = ["--qlog", folder["host"], "--keylog", folder["keys"]],
        });
        await using var echo = EchoServer.Start(scene.Lab, "a");
        await using var line = await PacketCapture.StartAsync(scene.Lab, "a", "udp", length: 2_048);
        var client = await scene.JoinDirectAsync("b", "--qlog", folder["client"]);
        await EchoServer.CheckTcpAsync(scene.Lab, "b", await client.AddressAsync("echo"), 300_000);
        await EchoServer.CheckUdpAsync(scene.Lab, "b", await client.AddressAsync("datagrams"), 20, 800);
        await client.StopAsync();
        await scene.Host.SignalAsync("INT");
        (await scene.Host.ExitAsync()).Ok();
        var seen = await ReadAsync(await line.EndAsync(), folder["keys"]);
        var host = Qlog(folder["host"]);
        var ofClient = Qlog(folder["client"]);

        // Everything was decrypted.
        Assert.All(seen, datagram => Assert.NotEmpty(datagram.Numbers));
        Check(seen.Where(datagram => datagram.FromHost), Packets(host, "quic:packet_sent"));
        Check(seen.Where(datagram => !datagram.FromHost), Packets(host, "quic:packet_received"));
        // And what came in is what the other end says that it sent.
        var sent = Packets(ofClient, "quic:packet_sent");
        Assert.All(Packets(host, "quic:packet_received"), packet => Assert.Equal(sent[packet.Key], packet.Value));
    }

    private static void Check(IEnumerable<Datagram> seen, Dictionary<ulong, string> told)
    {
        var alone = seen.Where(datagram => !datagram.HasLongHeader).ToList();
        Assert.True(alone.Count > 200, $"only {alone.Count} packets");
        var left = new HashSet<ulong>(told.Keys);
        foreach (var datagram in alone)
        {
            var number = Assert.Single(datagram.Numbers);
            Assert.True(left.Remove(number), $"packet {number} is twice on the line, or in no qlog file");
            var frames = told[number];
            // Private frames, which Wireshark does not know: up to there it reads the packet. All others it reads whole.
            if (frames.Split(' ').Contains(Unknown))
            {
                Assert.StartsWith(frames[..frames.IndexOf(Unknown, StringComparison.Ordinal)], datagram.Frames + ' ', StringComparison.Ordinal);
                continue;
            }

            Assert.False(datagram.IsMalformed, $"packet {number} is malformed");
            Assert.Equal((number, frames), (number, datagram.Frames));
        }

        // What is missing went in one datagram with packets of the handshake.
        Assert.True(left.Count <= seen.Count(datagram => datagram.HasLongHeader), $"not on the line: {string.Join(' ', left)}");
    }

    private static async Task<List<Datagram>> ReadAsync(string capture, string keys)
    {
        // Other sockets of the host's ask the server beside the one that the connection uses, and say little.
        var most = CapturedPacket.ReadFile(await File.ReadAllBytesAsync(capture))
            .CountBy(packet => packet.Source).Where(entry => entry.Key.Address.Equals(HostAddress)).MaxBy(entry => entry.Value);
        var port = most.Key.Port.ToString(CultureInfo.InvariantCulture);
        var result = await ChildProcess.RunAsync(
        [
            "tshark", "-r", capture, "-X", $"lua_script:{Script}", "-o", $"tls.keylog_file:{keys}",
            "-d", "udp.port==3478,punchline", "-d", "udp.port==3479,punchline", "-d", $"udp.port=={port},quic", "-Y", "quic", "-T", "fields", "-E", "separator=;",
            "-e", "udp.srcport", "-e", "quic.long.packet_type", "-e", "quic.packet_number", "-e", "quic.frame_type", "-e", "_ws.malformed",
        ]);
        return [.. result.Ok().Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(text =>
        {
            var fields = text.Split(';');
            return new Datagram(
                fields[0] == port, fields[1].Length > 0, [.. List(fields[2])], string.Join(' ', List(fields[3]).Select(Name)), fields[4].Length > 0);
        })];
    }

    private static IEnumerable<ulong> List(string text) => text.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(number =>
        number.StartsWith("0x", StringComparison.Ordinal)
            ? ulong.Parse(number.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture)
            : ulong.Parse(number, CultureInfo.InvariantCulture));

    /// <summary>RFC 9000 table 3 and RFC 9221, in qlog's words.</summary>
    private static string Name(ulong type) => type switch
    {
        0x00 => "padding",
        0x01 => "ping",
        0x02 or 0x03 => "ack",
        0x04 => "reset_stream",
        0x05 => "stop_sending",
        0x06 => "crypto",
        0x07 => "new_token",
        >= 0x08 and <= 0x0f => "stream",
        0x10 => "max_data",
        0x11 => "max_stream_data",
        0x12 or 0x13 => "max_streams",
        0x14 => "data_blocked",
        0x15 => "stream_data_blocked",
        0x16 or 0x17 => "streams_blocked",
        0x18 => "new_connection_id",
        0x19 => "retire_connection_id",
        0x1a => "path_challenge",
        0x1b => "path_response",
        0x1c or 0x1d => "connection_close",
        0x1e => "handshake_done",
        0x30 or 0x31 => "datagram",
        _ => Unknown,
    };

    private static List<JsonElement> Qlog(string folder)
    {
        var text = Encoding.UTF8.GetString(File.ReadAllBytes(Assert.Single(Directory.GetFiles(folder))));
        return [.. text.Split('\u001e', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(record => JsonDocument.Parse(record).RootElement)];
    }

    /// <summary>The 1-RTT packets of an event's name, and their frames.</summary>
    private static Dictionary<ulong, string> Packets(List<JsonElement> events, string name) => events
        .Where(value => value.GetProperty("name").GetString() == name)
        .Select(value => value.GetProperty("data"))
        .Where(data => data.GetProperty("header").GetProperty("packet_type").GetString() == "1RTT")
        .ToDictionary(
            data => data.GetProperty("header").GetProperty("packet_number").GetUInt64(),
            data => string.Join(' ', data.GetProperty("frames").EnumerateArray().Select(frame => frame.GetProperty("frame_type").GetString())));
}
