using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Punchline.Lab.Driver;
using Punchline.Quic.Wire;

namespace Punchline.Interop.Peers;

/// <summary>What a server says to a version that nobody speaks (RFC 9000 section 6).</summary>
internal static class VersionNegotiation
{
    /// <summary>One of those that are reserved to force a negotiation (RFC 9000 section 15).</summary>
    public const uint UnknownVersion = 0x1a2a3a4a;

    /// <summary>True if a datagram is a Version Negotiation packet that offers a version.</summary>
    public static bool Offers(byte[] datagram, uint version) =>
        VersionNegotiationPacket.TryRead(datagram, out var negotiation) && negotiation.Contains(version);

    /// <summary>Sends what could be a first packet of an unknown version until something answers; the link loses some.</summary>
    public static async Task<byte[]> AskAsync(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        await socket.ConnectAsync(IPAddress.Loopback, port);
        var datagram = new byte[1200]; // RFC 9000 section 14.1
        datagram[0] = 0xc0;
        BinaryPrimitives.WriteUInt32BigEndian(datagram.AsSpan(1), UnknownVersion);
        datagram[5] = 8; // two connection ids of eight bytes (RFC 8999 section 5.1)
        datagram[14] = 8;
        var buffer = new byte[1500];
        using var limit = new CancellationTokenSource(ChildProcess.StepLimit);
        while (true)
        {
            await socket.SendAsync(datagram, limit.Token);
            if (socket.Poll(TimeSpan.FromSeconds(1), SelectMode.SelectRead))
                return buffer[..await socket.ReceiveAsync(buffer, limit.Token)];
        }
    }
}
