using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Punchline.Lab.Driver;

/// <summary>
/// Sockets of the test itself inside a laboratory. A socket belongs to the network namespace of the thread that makes it,
/// for as long as it lives, and so does what it accepts: a thread enters the namespace, makes the socket, and ends.
/// </summary>
internal static partial class LabSocket
{
    /// <summary>CLONE_NEWNET of setns(2).</summary>
    private const int NetworkNamespace = 0x4000_0000;

    /// <summary>A TCP connection from a place.</summary>
    public static async Task<Socket> ConnectAsync(NatLab lab, string where, IPEndPoint target)
    {
        var socket = Open(lab, where, SocketType.Stream, target.AddressFamily);
        try
        {
            socket.NoDelay = true;
            await socket.ConnectAsync(target);
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>A TCP listener in a place.</summary>
    public static Socket Listen(NatLab lab, string where, IPEndPoint address)
    {
        var socket = Open(lab, where, SocketType.Stream, address.AddressFamily);
        socket.Bind(address);
        socket.Listen();
        return socket;
    }

    /// <summary>A UDP socket in a place, bound to a free port or to an address.</summary>
    public static Socket Udp(NatLab lab, string where, IPEndPoint? address = null)
    {
        var socket = Open(lab, where, SocketType.Dgram, address?.AddressFamily ?? AddressFamily.InterNetwork);
        socket.Bind(address ?? new IPEndPoint(IPAddress.Any, 0));
        return socket;
    }

    private static Socket Open(NatLab lab, string where, SocketType type, AddressFamily family)
    {
        Socket? socket = null;
        Exception? error = null;
        var thread = new Thread(() =>
        {
            try
            {
                using var place = File.OpenHandle("/run/netns/" + lab.Namespace(where));
                if (SetNamespace(place, NetworkNamespace) != 0)
                    throw new LabException($"setns: {Marshal.GetLastPInvokeErrorMessage()}");
                socket = new Socket(family, type, type == SocketType.Stream ? ProtocolType.Tcp : ProtocolType.Udp);
            }
            catch (Exception e) when (e is LabException or IOException or UnauthorizedAccessException or SocketException)
            {
                error = e;
            }
        });
        thread.Start();
        thread.Join();
        return socket ?? throw new LabException($"no socket in {where}: {error?.Message}");
    }

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int SetNamespace(SafeFileHandle place, int kind);
}
