using System.Buffers.Binary;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using Punchline.Quic;
using Punchline.Stun;
using Punchline.Udp;

namespace Punchline.Bench;

/// <summary>Debian's coturn, a process of its own: an allocation of the client's with a channel to the host (RFC 8656), the cheapest that TURN has.</summary>
[SuppressMessage("ApiDesign", "RS0030", Justification = "A benchmark measures by the real clock.")]
internal sealed class CoturnRelay : IRelay
{
    private const string Program = "/usr/bin/turnserver";
    private const ushort Port = 34_780;

    // RFC 8656 sections 17 and 18.
    private const ushort Allocate = 0x003;
    private const ushort ChannelBind = 0x009;
    private const StunAttributeType ChannelNumber = (StunAttributeType)0x000C;
    private const StunAttributeType XorPeerAddress = (StunAttributeType)0x0012;
    private const StunAttributeType RequestedTransport = (StunAttributeType)0x0019;

    /// <summary>The first that there is (section 12).</summary>
    private const ushort Channel = 0x4000;

    private readonly Process _process;

    private CoturnRelay(Process process) => _process = process;

    public static bool IsThere => File.Exists(Program);

    public string Name => "coturn";

    public UdpAddress Server { get; } = new(IPAddress.Loopback, Port);

    public static IRelay Start()
    {
        string[] arguments =
        [
            "--no-auth", "--no-cli", "--no-tls", "--no-dtls", "--no-tcp", "--allow-loopback-peers", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1",
            string.Create(CultureInfo.InvariantCulture, $"--listening-port={Port}"), "--log-file=/dev/null", "--pidfile=/dev/null", "--realm=bench", "-c", "/dev/null",
        ];
        Process process = Process.Start(new ProcessStartInfo(Program, arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true })!;
        // Read, so that it never waits for us.
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return new CoturnRelay(process);
    }

    public byte[] Join(IUdpSocket client, IUdpSocket host, int payload)
    {
        Ask(client, Allocate, static (ref StunWriter writer, in StunTransactionId _) => writer.Add(RequestedTransport, [17, 0, 0, 0]));
        UdpAddress peer = host.LocalAddress;
        Ask(client, ChannelBind, (ref StunWriter writer, in StunTransactionId id) =>
        {
            byte[] number = new byte[4];
            BinaryPrimitives.WriteUInt16BigEndian(number, Channel);
            writer.Add(ChannelNumber, number);
            byte[] address = new byte[StunAddress.LengthOf(peer)];
            StunAddress.WriteXored(peer, id, address);
            writer.Add(XorPeerAddress, address);
        });
        // ChannelData (section 12.4).
        byte[] header = new byte[4];
        BinaryPrimitives.WriteUInt16BigEndian(header, Channel);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2), (ushort)payload);
        return header;
    }

    public double CpuSeconds() => CpuTime.SecondsIn($"/proc/{_process.Id}/stat");

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private delegate void AddAttributes(ref StunWriter writer, in StunTransactionId id);

    // Until it answers: it may just have been started.
    private void Ask(IUdpSocket socket, ushort method, AddAttributes add)
    {
        byte[] buffer = new byte[65_536];
        StunTransactionId id = StunTransactionId.Draw(SystemRandomness.Instance);
        for (int attempt = 0; attempt < 50; attempt++)
        {
            var writer = new StunWriter(buffer, StunClass.Request, method, id);
            add(ref writer, id);
            socket.Send(Server, default, buffer.AsSpan(0, writer.Length), writer.Length, ect0: false, timeToLive: 0);
            Thread.Sleep(100);
            while (socket.TryReceive(buffer, out UdpReceived received))
            {
                if (!StunMessage.TryRead(buffer.AsSpan(0, received.Length), out StunMessage answer) || answer.TransactionId != id)
                    continue;
                if (answer.Class == StunClass.Success)
                    return;
                answer.TryFindErrorCode(out int code);
                throw new InvalidOperationException($"coturn refuses {method:x}: {code}");
            }
        }
        throw new InvalidOperationException("coturn does not answer");
    }
}
