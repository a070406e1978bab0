using System.Net;
using System.Text;
using Punchline.PortMapping.NatPmp;
using Punchline.PortMapping.Pcp;
using Punchline.PortMapping.Upnp;
using Punchline.Quic;

namespace Punchline.Fuzz.Targets;

/// <summary>NAT-PMP and PCP: a router's answers (RFC 6886, RFC 6887).</summary>
internal sealed class GatewayAnswerTarget : IFuzzTarget
{
    private const ushort Port = 40_650;

    private static readonly PcpNonce Nonce = new(0xf4864d51105ee71a, 0x21e4857f);

    public string Name => "gateway-answer";

    public string Reads => "answers of NAT-PMP and PCP";

    public int MaxLength => 1200;

    public AllocationBound Allocation => new(512, 0);

    public int TestRuns => 200_000;

    public IEnumerable<byte[]> Seeds() =>
    [
        Convert.FromHexString("0080000000003039c6145102"),
        Convert.FromHexString("00810000000030399eca9ecb00000e10"),
        Convert.FromHexString("0080000100000064"),
        Convert.FromHexString("028000000000000000009067000000000000000000000000"),
        Convert.FromHexString("02810000000004b000009067000000000000000000000000f4864d51105ee71a21e4857f110000009eca9eca00000000000000000000ffffc6145102"),
        Convert.FromHexString("028100020000003c00009067000000000000000000000000"),
    ];

    public void Run(ReadOnlySpan<byte> input)
    {
        bool isAddress = NatPmpMessage.TryReadAddress(input, out NatPmpAddress address);
        bool isMapping = NatPmpMessage.TryReadMapping(input, out _);
        bool isMap = PcpMessage.TryReadMap(input, Nonce, Port, out PcpAnswer map);
        Check.That(!isAddress || !isMapping, "two answers in one");
        Check.That(!isAddress || address.Address.IsIPv4 == (address.Result == NatPmpResult.Success), "an address without success");
        Check.That(!isMap || map.External.IsNone == (map.Result != PcpResult.Success), "a mapping without success");
        Check.That(!isMap || map.Result != PcpResult.Success || input.Slice(24, 12).SequenceEqual(Convert.FromHexString("f4864d51105ee71a21e4857f")), "another's nonce");
        // The one message that both may read is that the version is not known.
        if (PcpMessage.TryReadAnnounce(input, out PcpAnswer announce) && isMap)
            Check.That(announce.Result == PcpResult.UnsupportedVersion && map.Result == PcpResult.UnsupportedVersion, "two answers in one");
    }
}

/// <summary>UPnP: what a router answers to a search, its description, and answers to calls.</summary>
internal sealed class UpnpTarget : IFuzzTarget
{
    private static readonly UdpAddress Router = new(IPAddress.Parse("192.168.1.1"), 0);
    private static readonly Uri Location = new("http://192.168.1.1:5000/rootDesc.xml");

    public string Name => "upnp";

    public string Reads => "SSDP answers, device descriptions and SOAP answers";

    public int MaxLength => 4096;

    /// <summary>XmlReader's buffers and name table, and the exception for what is no XML.</summary>
    public AllocationBound Allocation => new(128 * 1024, 64);

    public int TestRuns => 3_000;

    public IEnumerable<byte[]> Seeds() =>
    [
        Bytes("HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\nLOCATION: http://192.168.1.1:5000/rootDesc.xml\r\n\r\n"),
        Bytes("<root xmlns=\"urn:schemas-upnp-org:device-1-0\"><URLBase>http://192.168.1.1/</URLBase><device><serviceList><service>"
            + "<serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType><controlURL>/ctl</controlURL></service></serviceList></device></root>"),
        Bytes("<s:Envelope xmlns:s=\"u\"><s:Body><u:r xmlns:u=\"v\"><NewReservedPort>4000</NewReservedPort></u:r></s:Body></s:Envelope>"),
        Bytes("<e><s:Fault xmlns:s=\"u\"><detail><UPnPError><errorCode>725</errorCode></UPnPError></detail></s:Fault></e>"),
        Bytes("<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>"),
    ];

    public void Run(ReadOnlySpan<byte> input)
    {
        if (SsdpMessage.TryReadAnswer(input, out string location))
        {
            Check.That(location.Length is > 0 and <= SsdpMessage.MaxLocationLength, "a location beyond its bound");
            Check.That(!UpnpUrl.TryRead(location, Router, out Uri? url) || url.Host == "192.168.1.1", "a location that is not on the router");
        }
        string text = Encoding.UTF8.GetString(input);
        if (UpnpService.TryFind(text, Location, Router, out UpnpService? service))
        {
            Check.That(UpnpService.Types.Contains(service.Type), "a service that we do not know");
            Check.That(service.Control is { Scheme: "http", Host: "192.168.1.1" }, "a service that is not on the router");
        }
        if (SoapMessage.TryRead(text, "NewReservedPort", out _, out int error))
            Check.That(error >= 0, "an error code that is none");
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
