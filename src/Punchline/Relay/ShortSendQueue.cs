using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Punchline.Relay;

/// <summary>
/// Bounds what the system holds back of a TCP connection that carries relayed datagrams beside control messages: what waits there delays them
/// all, by seconds where the link is slow, and QUIC's loss recovery believes that a datagram that is late is lost.
/// </summary>
internal static class ShortSendQueue
{
    /// <summary>TCP_NOTSENT_LOWAT of tcp(7), since Linux 3.12.</summary>
    private const int LinuxNotSentLowWater = 25;

    /// <summary>TCP_NOTSENT_LOWAT of macOS.</summary>
    private const int MacNotSentLowWater = 0x201;

    /// <summary>Bytes; 1 MB/s at a round trip of 64 ms.</summary>
    private const int ShortSendBuffer = 64 * 1024;

    /// <summary>
    /// Linux and macOS bound what has not been sent yet, whatever the congestion window; elsewhere the whole send buffer is kept short.
    /// </summary>
    /// <param name="socket">The connection's.</param>
    /// <param name="unsent">Bytes that the system may hold unsent, where it can count them.</param>
    public static void Apply(Socket socket, int unsent)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        MemoryMarshal.Write(bytes, unsent);
        try
        {
            if (OperatingSystem.IsLinux())
                socket.SetRawSocketOption((int)SocketOptionLevel.Tcp, LinuxNotSentLowWater, bytes);
            else if (OperatingSystem.IsMacOS())
                socket.SetRawSocketOption((int)SocketOptionLevel.Tcp, MacNotSentLowWater, bytes);
            else
                socket.SendBufferSize = ShortSendBuffer;
        }
        catch (SocketException)
        {
            // A system or a sandbox without it: the connection works as well, only slower when it is full.
        }
    }
}
