using Punchline.Quic;
using Punchline.Udp;
using Xunit;

namespace Punchline.Tests.Udp;

/// <summary>What the tests of both kinds of sockets share: the kinds that this machine has, and its loopback addresses.</summary>
internal static class UdpTestPlatforms
{
    public static UdpAddress Loopback4 => Address("127.0.0.1");

    public static UdpAddress Loopback6 => Address("::1");

    /// <summary>Every kind that can run here.</summary>
    public static TheoryData<string> All => UdpPlatform.IsLinuxSupported ? ["linux", "portable"] : ["portable"];

    /// <summary>Every kind, with IPv4 and with IPv6.</summary>
    public static TheoryData<string, bool> AllWithFamily
    {
        get
        {
            var data = new TheoryData<string, bool>();
            foreach (string name in (string[])(UdpPlatform.IsLinuxSupported ? ["linux", "portable"] : ["portable"]))
            {
                data.Add(name, false);
                if (System.Net.Sockets.Socket.OSSupportsIPv6)
                    data.Add(name, true);
            }
            return data;
        }
    }

    public static UdpPlatform Named(string name) => name == "linux" ? UdpPlatform.CreateLinux() : UdpPlatform.Portable;

    public static UdpAddress Loopback(bool ipv6) => ipv6 ? Loopback6 : Loopback4;

    public static UdpAddress Address(string address, int port = 0) => new(System.Net.IPAddress.Parse(address), port);
}
