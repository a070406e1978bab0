using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Punchline.Lab.Driver;

namespace Punchline.Lab.Fixtures;

/// <summary>
/// NAT-PMP (RFC 6886) of a's router where its outer address is a carrier's private one, which miniupnpd refuses to serve: it tells that
/// address, and maps the ports that it is asked for.
/// </summary>
internal sealed class InnerMapper : IAsyncDisposable
{
    /// <summary>The router's outer address, behind the carrier's NAT.</summary>
    public static readonly IPAddress External = IPAddress.Parse("100.64.1.2");

    private const string Router = "ra";
    private const int Port = 5351;
    private const int FirstMapped = 40_000;

    private readonly NatLab _lab;
    private readonly Socket _socket;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;
    private int _mapped;

    private InnerMapper(NatLab lab, Socket socket)
    {
        (_lab, _socket) = (lab, socket);
        _running = ServeAsync();
    }

    public static async Task<InnerMapper> StartAsync(NatLab lab)
    {
        await lab.RunAsync(Router, ["nft", $"insert rule inet filter input iifname \"lan*\" udp dport {Port} accept;"
            + " add table ip inner; add chain ip inner in { type nat hook prerouting priority dstnat - 1; }"]);
        return new InnerMapper(lab, LabSocket.Udp(lab, Router, new IPEndPoint(IPAddress.Parse("192.168.1.1"), Port)));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _socket.Dispose();
        _stop.Dispose();
    }

    private async Task ServeAsync()
    {
        var request = new byte[1100];
        try
        {
            while (true)
            {
                var got = await _socket.ReceiveFromAsync(request, SocketFlags.None, new IPEndPoint(IPAddress.Any, 0), _stop.Token);
                if (await AnswerAsync(request.AsMemory(0, got.ReceivedBytes), ((IPEndPoint)got.RemoteEndPoint).Address) is { } answer)
                    await _socket.SendToAsync(answer, SocketFlags.None, got.RemoteEndPoint, _stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    private async Task<byte[]?> AnswerAsync(ReadOnlyMemory<byte> request, IPAddress inside)
    {
        const byte version = 0, answer = 128, externalAddress = 0, mapUdp = 1;
        switch (request.Span)
        {
            case [version, externalAddress]:
                var told = new byte[12];
                told[1] = answer + externalAddress;
                External.TryWriteBytes(told.AsSpan(8), out _);
                return told;
            case [version, mapUdp, _, _, _, _, _, _, _, _, _, _]:
                var port = BinaryPrimitives.ReadUInt16BigEndian(request.Span[4..]);
                var lifetime = request[8..12];
                if (lifetime.Span.ContainsAnyExcept((byte)0))
                    await MapAsync(inside, port);
                var mapped = new byte[16];
                mapped[1] = answer + mapUdp;
                BinaryPrimitives.WriteUInt16BigEndian(mapped.AsSpan(8), port);
                BinaryPrimitives.WriteUInt16BigEndian(mapped.AsSpan(10), (ushort)(FirstMapped + _mapped));
                lifetime.CopyTo(mapped.AsMemory(12));
                return mapped;
            default:
                return null;
        }
    }

    private async Task MapAsync(IPAddress inside, ushort port)
    {
        _mapped++;
        var rule = string.Create(CultureInfo.InvariantCulture, $"iifname \"wan*\" udp dport {FirstMapped + _mapped} dnat to {inside}:{port}");
        await _lab.RunAsync(Router, ["nft", "add rule ip inner in " + rule]);
    }
}
