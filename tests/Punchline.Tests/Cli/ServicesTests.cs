using CsCheck;
using Punchline.Cli.Settings;
using Xunit;

namespace Punchline.Tests.Cli;

/// <summary>Services, addresses and mappings as people type them.</summary>
public sealed class ServicesTests
{
    [Theory]
    [InlineData("25565", "tcp-25565", ServiceProtocol.Tcp, "127.0.0.1", 25565)]
    [InlineData("tcp:25565", "tcp-25565", ServiceProtocol.Tcp, "127.0.0.1", 25565)]
    [InlineData("TCP:25565", "tcp-25565", ServiceProtocol.Tcp, "127.0.0.1", 25565)]
    [InlineData("udp:19132", "udp-19132", ServiceProtocol.Udp, "127.0.0.1", 19132)]
    [InlineData("tcp:192.168.1.10:80", "tcp-80", ServiceProtocol.Tcp, "192.168.1.10", 80)]
    [InlineData("udp:[2001:db8::1]:53", "udp-53", ServiceProtocol.Udp, "2001:db8::1", 53)]
    [InlineData("tcp:nas.local:445", "tcp-445", ServiceProtocol.Tcp, "nas.local", 445)]
    [InlineData("web=tcp:8080", "web", ServiceProtocol.Tcp, "127.0.0.1", 8080)]
    [InlineData("my.game_1-x=19132", "my.game_1-x", ServiceProtocol.Tcp, "127.0.0.1", 19132)]
    public void A_service_is_read(string text, string name, ServiceProtocol protocol, string address, int port) =>
        Assert.Equal(new ServiceSpec(name, protocol, address, port), Services.Service(text).Value);

    [Theory]
    [InlineData("", "is no service")]
    [InlineData("tcp:", "is no service")]
    [InlineData("minecraft", "is no service")]
    [InlineData("tcp:a_b c:80", "is no service")]
    [InlineData("tcp:2001:db8::1", "is no service")]
    [InlineData("tcp:[zz]:80", "is no service")]
    [InlineData("tcp:1.2.3:80", "is no service")]
    [InlineData("0", "no port from 1 to 65535")]
    [InlineData("65536", "no port from 1 to 65535")]
    [InlineData("99999999999999999999", "no port from 1 to 65535")]
    [InlineData("tcp:127.0.0.1:0", "no port from 1 to 65535")]
    [InlineData("tcp:127.0.0.1:", "no port from 1 to 65535")]
    [InlineData("192.168.1.10:80", "write tcp:192.168.1.10:80 or udp:192.168.1.10:80")]
    [InlineData("=80", "bad name")]
    [InlineData("a b=80", "bad name")]
    public void A_wrong_service_says_what_is_wrong(string text, string error)
    {
        var parsed = Services.Service(text);
        Assert.Null(parsed.Value);
        Assert.Contains(error, parsed.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_differ()
    {
        Assert.Equal(2, Services.All(["25565", "udp:25565"]).Value!.Count);
        Assert.Contains(
            "other=tcp:10.0.0.2:25565", Services.All(["25565", "tcp:10.0.0.2:25565"]).Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("127.0.0.1:52000", "127.0.0.1:52000")]
    [InlineData("localhost:1", "127.0.0.1:1")]
    [InlineData("[::]:3478", "[::]:3478")]
    public void An_end_point_is_read(string text, string expected) => Assert.Equal(expected, $"{Addresses.EndPoint(text).Value}");

    [Theory]
    [InlineData("52000")]
    [InlineData("::1")]
    [InlineData("1:52000")]
    [InlineData("example.org:1")]
    [InlineData("127.0.0.1:65536")]
    [InlineData("[127.0.0.1:1")]
    public void A_wrong_end_point_is_refused(string text) => Assert.NotNull(Addresses.EndPoint(text).Error);

    [Theory]
    [InlineData("punch.example.org", true)]
    [InlineData("punch.example.org:443", true)]
    [InlineData("2001:db8::1", true)]
    [InlineData("[2001:db8::1]:3478", true)]
    [InlineData("wss://punch.example.org", true)]
    [InlineData("ws://[2001:db8::1]:8080", true)]
    [InlineData("wss://", false)]
    [InlineData("wss://punch.example.org:0", false)]
    [InlineData("https://punch.example.org", false)]
    [InlineData("punch..org", false)]
    [InlineData("a:b", false)]
    [InlineData("", false)]
    public void A_server_is_read(string text, bool good) => Assert.Equal(good, Addresses.Server(text).Error is null);

    [Fact]
    public void A_mapping_is_read()
    {
        var mapping = Services.Mapping("web=127.0.0.1:8080").Value;
        Assert.Equal("web", mapping.Key);
        Assert.Equal("127.0.0.1:8080", $"{mapping.Value}");
        Assert.NotNull(Services.Mapping("web:8080").Error);
        Assert.NotNull(Services.Mapping("web=8080").Error);
    }

    [Fact]
    public void No_text_at_all_makes_the_parsers_throw() =>
        Gen.String[Gen.Char["0123456789:=[].tcpudp-a "], 0, 24].Sample(text =>
        {
            var service = Services.Service(text);
            Assert.Equal(service.Value is null, service.Error is not null);
            Assert.Equal(Addresses.EndPoint(text).Value is null, Addresses.EndPoint(text).Error is not null);
            Assert.Equal(Addresses.Server(text).Value is null, Addresses.Server(text).Error is not null);
            _ = Services.Mapping(text);
        });
}
