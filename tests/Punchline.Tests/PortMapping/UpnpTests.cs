using System.Text;
using Punchline.PortMapping;
using Punchline.PortMapping.Upnp;
using Punchline.Quic;
using Punchline.Tests.Udp;
using Xunit;

namespace Punchline.Tests.PortMapping;

/// <summary>UPnP's messages, and what a router or its neighbour may have us do.</summary>
public sealed class UpnpTests
{
    private static readonly UdpAddress Router = UdpTestPlatforms.Address("192.168.1.1");
    private static readonly UdpAddress Group = UdpTestPlatforms.Address("239.255.255.250", 1900);
    private static readonly Uri Location = new("http://192.168.1.1:5000/rootDesc.xml");

    [Fact]
    public void A_search_asks_for_gateways()
    {
        Assert.Equal(
            "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\n"
            + "ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n\r\n",
            Encoding.ASCII.GetString(SsdpMessage.Search()));
    }

    [Theory]
    [InlineData("192.168.1.1", 1900, "http://192.168.1.1:5000/rootDesc.xml", true)]
    [InlineData("192.168.1.1", 41234, "http://192.168.1.1/desc", true)]
    [InlineData("192.168.1.7", 1900, "http://192.168.1.1:5000/rootDesc.xml", false)] // a neighbour answers
    [InlineData("192.168.1.1", 1900, "http://192.168.1.7:5000/rootDesc.xml", false)] // and leads to itself
    [InlineData("192.168.1.1", 1900, "http://127.0.0.1:8080/", false)]
    [InlineData("192.168.1.1", 1900, "http://169.254.169.254/latest/meta-data", false)]
    [InlineData("192.168.1.1", 1900, "http://router.example:5000/", false)]
    [InlineData("192.168.1.1", 1900, "http://192.168.1.1@192.168.1.7/", false)]
    [InlineData("192.168.1.1", 1900, "http://user@192.168.1.1/", false)]
    [InlineData("192.168.1.1", 1900, "https://192.168.1.1/", false)]
    [InlineData("192.168.1.1", 1900, "file:///etc/passwd", false)]
    [InlineData("192.168.1.1", 1900, "/rootDesc.xml", false)]
    public void Only_the_router_leads_only_to_itself(string from, int port, string location, bool taken)
    {
        GatewayRequest<Uri> search = SsdpSearch.Of(Group, Router);
        byte[] buffer = new byte[512];
        Assert.True(search.TryTransmit(Instant.Zero, buffer, out _));
        byte[] answer = Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nST: urn:x\r\nLocation:  {location}\r\n\r\n");
        Assert.Equal(taken, search.TryReceive(Instant.Zero, UdpTestPlatforms.Address(from, port), answer));
        Assert.Equal(taken, search.IsAnswered);
        Assert.Equal(!taken, search.NextTimeout.IsSet);
    }

    [Fact]
    public void A_search_ends()
    {
        GatewayRequest<Uri> search = SsdpSearch.Of(Group, Router);
        byte[] buffer = new byte[512];
        int sent = 0;
        for (Instant now = Instant.Zero; search.NextTimeout.IsSet; now = search.NextTimeout)
            sent += search.TryTransmit(now, buffer, out _) ? 1 : 0;
        Assert.Equal(4, sent);
        Assert.False(search.TryReceive(Instant.Zero, Router, "HTTP/1.1 200 OK\r\nLOCATION: http://192.168.1.1/\r\n\r\n"u8));
    }

    [Theory]
    [InlineData("")]
    [InlineData("HTTP/1.1 404 Not Found\r\nLOCATION: http://192.168.1.1/\r\n\r\n")]
    [InlineData("NOTIFY * HTTP/1.1\r\nLOCATION: http://192.168.1.1/\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nSERVER: x\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nLOCATION:\r\n\r\n")]
    public void What_is_no_answer_to_a_search_is_not_read(string text) =>
        Assert.False(SsdpMessage.TryReadAnswer(Encoding.ASCII.GetBytes(text), out _));

    [Fact]
    public void A_location_has_a_bound() =>
        Assert.False(SsdpMessage.TryReadAnswer(
            Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nLOCATION: http://192.168.1.1/{new string('a', SsdpMessage.MaxLocationLength)}\r\n\r\n"), out _));

    [Theory]
    [InlineData("WANIPConnection:1 /one", "WANIPConnection:1", "http://192.168.1.1:5000/one")]
    [InlineData("WANPPPConnection:1 /ppp|WANIPConnection:1 /ip", "WANIPConnection:1", "http://192.168.1.1:5000/ip")]
    [InlineData("WANIPConnection:1 /one|WANIPConnection:2 two", "WANIPConnection:2", "http://192.168.1.1:5000/two")]
    [InlineData("WANPPPConnection:1 http://192.168.1.1:49000/x", "WANPPPConnection:1", "http://192.168.1.1:49000/x")]
    [InlineData("WANIPConnection:2 http://192.168.1.7/evil|WANIPConnection:1 /ip", "WANIPConnection:1", "http://192.168.1.1:5000/ip")]
    public void The_best_service_that_is_on_the_router_is_taken(string services, string type, string control)
    {
        Assert.True(UpnpService.TryFind(Description(services), Location, Router, out UpnpService? service));
        Assert.Equal("urn:schemas-upnp-org:service:" + type, service.Type);
        Assert.Equal(control, service.Control.AbsoluteUri);
    }

    [Theory]
    [InlineData("WANCommonInterfaceConfig:1 /c")]
    [InlineData("WANIPConnection:3 /c")]
    [InlineData("WANIPConnection:1 //192.168.1.7/c")]
    [InlineData("WANIPConnection:1 http://[::1]/c")]
    public void Other_services_and_other_places_are_not_called(string services) =>
        Assert.False(UpnpService.TryFind(Description(services), Location, Router, out _));

    [Fact]
    public void URLBase_counts_as_far_as_it_is_on_the_router()
    {
        string text = Description("WANIPConnection:1 ctl");
        Assert.True(UpnpService.TryFind(text.Replace("<device>", "<URLBase>http://192.168.1.1:80/a/</URLBase><device>"), Location, Router, out UpnpService? service));
        Assert.Equal("http://192.168.1.1/a/ctl", service.Control.AbsoluteUri);
        Assert.True(UpnpService.TryFind(text.Replace("<device>", "<URLBase>http://192.168.1.7/</URLBase><device>"), Location, Router, out service));
        Assert.Equal("http://192.168.1.1:5000/ctl", service.Control.AbsoluteUri);
    }

    [Theory]
    [InlineData("<a>")]
    [InlineData("no XML")]
    [InlineData("<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>")]
    [InlineData("<!DOCTYPE a SYSTEM \"http://192.168.1.7/x.dtd\"><a/>")]
    [InlineData("<a>&x;</a>")]
    [InlineData("<a>\u0001</a>")]
    public void What_is_no_plain_XML_is_not_read(string text) => Assert.False(UpnpXml.TryWalk(text, (_, _) => { }));

    [Fact]
    public void XML_has_bounds()
    {
        Assert.False(UpnpXml.TryWalk(string.Concat(Enumerable.Repeat("<a>", 40)) + string.Concat(Enumerable.Repeat("</a>", 40)), (_, _) => { }));
        Assert.True(UpnpXml.TryWalk(string.Concat(Enumerable.Repeat("<a>", 30)) + string.Concat(Enumerable.Repeat("</a>", 30)), (_, _) => { }));
        Assert.False(UpnpXml.TryWalk($"<a>{new string('x', UpnpXml.MaxLength)}</a>", (_, _) => { }));
    }

    [Fact]
    public void A_call_is_as_in_the_device_architecture()
    {
        Assert.Equal(
            "<?xml version=\"1.0\"?>\r\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" "
            + "s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>"
            + "<u:DeletePortMapping xmlns:u=\"urn:x:1\"><NewRemoteHost></NewRemoteHost><NewExternalPort>7</NewExternalPort></u:DeletePortMapping>"
            + "</s:Body></s:Envelope>",
            SoapMessage.Call("urn:x:1", "DeletePortMapping", ("NewRemoteHost", ""), ("NewExternalPort", "7")));
    }

    [Theory]
    [InlineData("<e><b><r><NewReservedPort> 4000 </NewReservedPort></r></b></e>", true, "4000", 0)]
    [InlineData("<s:e xmlns:s=\"u\"><s:Fault><detail><UPnPError><errorCode>725</errorCode></UPnPError></detail></s:Fault></s:e>", true, "", 725)]
    [InlineData("<e><errorCode>-5</errorCode></e>", true, "", 0)]
    [InlineData("<e><errorCode>99999999999</errorCode></e>", true, "", 0)]
    [InlineData("<e>", false, "", 0)]
    public void Results_and_errors_are_read(string body, bool read, string port, int error)
    {
        Assert.Equal(read, SoapMessage.TryRead(body, "NewReservedPort", out string value, out int code));
        Assert.Equal((port, error), (value, code));
    }

    [Theory]
    [InlineData(5000, 1200u, true, 401, 5000, 1200u, false)] // an IGD:2 that lacks the action
    [InlineData(5000, 1200u, true, 602, 5000, 1200u, false)]
    [InlineData(5000, 1200u, false, 725, 5000, 0u, false)] // only permanent leases
    [InlineData(5000, 1200u, true, 725, 5000, 0u, true)]
    [InlineData(5000, 1200u, false, 402, 5000, 0u, false)] // the same, without saying so
    [InlineData(5000, 1200u, false, 718, 6000, 1200u, false)] // another has the port
    [InlineData(5000, 0u, false, 729, 6000, 0u, false)]
    [InlineData(6000, 1200u, false, 724, 5000, 1200u, false)] // only the same port on both sides
    [InlineData(5000, 1200u, false, 724, 0, 0u, false)]
    [InlineData(5000, 0u, false, 725, 0, 0u, false)]
    [InlineData(5000, 0u, false, 402, 0, 0u, false)]
    [InlineData(5000, 1200u, false, 606, 0, 0u, false)] // not authorized
    [InlineData(5000, 1200u, true, 728, 0, 0u, false)] // no room
    public void What_a_router_objects_to_leads_to_the_next_attempt(
        ushort port, uint lease, bool any, int error, ushort nextPort, uint nextLease, bool nextAny)
    {
        UpnpAttempt? next = new UpnpAttempt(port, lease, any).After(error, internalPort: 5000, otherPort: 6000);
        Assert.Equal(nextPort == 0 ? null : new UpnpAttempt(nextPort, nextLease, nextAny), next);
    }

    private static string Description(string services) =>
        "<?xml version=\"1.0\"?><root xmlns=\"urn:schemas-upnp-org:device-1-0\"><device><deviceList><device><serviceList>"
        + string.Concat(services.Split('|').Select(one => one.Split(' ')).Select(one =>
            $"<service><serviceType>urn:schemas-upnp-org:service:{one[0]}</serviceType><SCPDURL>/s</SCPDURL><controlURL>{one[1]}</controlURL></service>"))
        + "</serviceList></device></deviceList></device></root>";
}
