using System.Buffers.Binary;
using Punchline.PortMapping;
using Punchline.PortMapping.NatPmp;
using Punchline.PortMapping.Pcp;
using Punchline.PortMapping.Upnp;
using Punchline.Quic;
using Punchline.Tests.Stun;
using Punchline.Tests.Udp;
using Xunit;

namespace Punchline.Tests.PortMapping;

/// <summary>The three protocols over loopback, with a router that answers well, badly, or as none should.</summary>
public sealed class MapperTests : IAsyncDisposable
{
    private const ushort Port = 40_650;

    private const string Igd2 = "<root><device><serviceList><service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:2</serviceType>"
        + "<controlURL>/ctl</controlURL></service></serviceList></device></root>";

    private static readonly UdpAddress External = UdpTestPlatforms.Address("198.51.100.7", 40_651);

    private readonly FakeRouter _router = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _router.DisposeAsync();

    [Fact]
    public async Task NAT_PMP_maps_renews_and_gives_back()
    {
        List<string> requests = [];
        _router.Answer = request =>
        {
            requests.Add(Convert.ToHexStringLower(request));
            return Convert.FromHexString(request.Length == 2
                ? "0080000000000064c6336407"
                : "00810000000000649eca9ecb" + Convert.ToHexString(request, 8, 4));
        };
        using var mapper = new NatPmpMapper(_router.Link, Port, _router.Port);
        Assert.True(await mapper.FindAsync(Stop));
        var granted = new MappingReply(MappingOutcome.Granted, new Mapping(MappingProtocol.NatPmp, External, MappingLimits.Lease));
        Assert.Equal(granted, await mapper.MapAsync(Stop));
        Assert.Equal(granted, await mapper.MapAsync(Stop));
        await mapper.UnmapAsync(Stop);
        await mapper.UnmapAsync(Stop);
        // The port that it had is the one that it asks for; 0 of 0 s takes it back, once.
        Assert.Equal(
            ["0000", "0000", "000100009eca9eca000004b0", "0000", "000100009eca9ecb000004b0", "000100009eca000000000000"], requests);
    }

    [Theory]
    [InlineData("0080000300000064", null, 3)]
    [InlineData("0080000000000064c6336407", "00810002000000649eca000000000000", 2)]
    [InlineData("0080000000000064c6336407", "00810000000000649eca0000000004b0", 0)] // port 0
    [InlineData("0080000000000064c6336407", "00810000000000649eca9ecb00000000", 0)] // no time
    public async Task NAT_PMP_takes_no_for_an_answer(string address, string? mapping, int code)
    {
        int requests = 0;
        _router.Answer = request =>
        {
            requests++;
            return request.Length == 2 ? Convert.FromHexString(address) : Convert.FromHexString(mapping!);
        };
        using var mapper = new NatPmpMapper(_router.Link, Port, _router.Port);
        Assert.Equal(new MappingReply(MappingOutcome.Refused, Code: code), await mapper.MapAsync(Stop));
        await mapper.UnmapAsync(Stop);
        Assert.Equal(mapping is null ? 1 : 2, requests);
    }

    [Fact]
    public async Task NAT_PMP_gives_back_what_it_asked_for_when_it_was_stopped()
    {
        using var stop = new CancellationTokenSource();
        List<string> requests = [];
        _router.Answer = request =>
        {
            requests.Add(Convert.ToHexStringLower(request));
            if (request.Length == 2)
                return Convert.FromHexString("0080000000000064c6336407");
            stop.Cancel();
            return null;
        };
        using var mapper = new NatPmpMapper(_router.Link, Port, _router.Port);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => mapper.MapAsync(stop.Token));
        _router.Answer = request =>
        {
            requests.Add(Convert.ToHexStringLower(request));
            return Convert.FromHexString("00810000000000649eca000000000000");
        };
        await mapper.UnmapAsync(Stop);
        await mapper.UnmapAsync(Stop);
        Assert.Equal(["0000", "000100009eca9eca000004b0", "000100009eca000000000000"], requests);
    }

    [Fact]
    public async Task NAT_PMP_notices_that_the_router_was_restarted()
    {
        uint epoch = 1000;
        _router.Answer = request =>
        {
            byte[] answer = Convert.FromHexString(request.Length == 2 ? "0080000000000000c6336407" : "00810000000000009eca9ecb000004b0");
            BinaryPrimitives.WriteUInt32BigEndian(answer.AsSpan(4), epoch);
            return answer;
        };
        using var mapper = new NatPmpMapper(_router.Link, Port, _router.Port);
        Assert.False((await mapper.MapAsync(Stop)).Restarted);
        epoch = 3;
        Assert.True((await mapper.MapAsync(Stop)).Restarted);
        Assert.False((await mapper.MapAsync(Stop)).Restarted);
    }

    [Fact]
    public async Task PCP_maps_renews_and_gives_back_under_one_nonce()
    {
        List<byte[]> requests = [];
        _router.Answer = request =>
        {
            requests.Add(request);
            return request.Length == 24 ? PcpAnswer(request, PcpResult.Success) : PcpAnswer(request, PcpResult.Success, External);
        };
        using var mapper = new PcpMapper(_router.Link, Port, new SecretRandomness(), _router.Port);
        Assert.True(await mapper.FindAsync(Stop));
        var granted = new MappingReply(MappingOutcome.Granted, new Mapping(MappingProtocol.Pcp, External, MappingLimits.Lease));
        Assert.Equal(granted, await mapper.MapAsync(Stop));
        Assert.Equal(granted, await mapper.MapAsync(Stop));
        await mapper.UnmapAsync(Stop);
        Assert.Equal(4, requests.Count);
        // The nonce of RFC 6887 section 11.1 in all of them, our address in the header, and what it had as the wish.
        Assert.Single(requests.Skip(1).Select(request => Convert.ToHexStringLower(request, 24, 12)).Distinct());
        Assert.All(requests, request => Assert.Equal("00000000000000000000ffff7f000001", Convert.ToHexStringLower(request, 8, 16)));
        Assert.Equal("9eca" + "00000000000000000000ffff00000000", Convert.ToHexStringLower(requests[1], 42, 18));
        Assert.Equal("9ecb" + "00000000000000000000ffffc6336407", Convert.ToHexStringLower(requests[2], 42, 18));
        Assert.Equal([1200u, 1200u, 0u], requests.Skip(1).Select(request => BinaryPrimitives.ReadUInt32BigEndian(request.AsSpan(4))));
    }

    [Fact]
    public async Task PCP_gives_back_what_it_asked_for_when_it_was_stopped()
    {
        using var stop = new CancellationTokenSource();
        List<byte[]> requests = [];
        _router.Answer = request =>
        {
            requests.Add(request);
            stop.Cancel();
            return null;
        };
        using var mapper = new PcpMapper(_router.Link, Port, new SecretRandomness(), _router.Port);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => mapper.MapAsync(stop.Token));
        _router.Answer = request =>
        {
            requests.Add(request);
            return PcpAnswer(request, PcpResult.Success);
        };
        await mapper.UnmapAsync(Stop);
        await mapper.UnmapAsync(Stop);
        Assert.Equal([1200u, 0u], requests.Select(request => BinaryPrimitives.ReadUInt32BigEndian(request.AsSpan(4))));
        Assert.Single(requests.Select(request => Convert.ToHexStringLower(request, 24, 12)).Distinct());
    }

    [Fact]
    public async Task PCP_is_not_there_where_the_router_speaks_NAT_PMP_alone()
    {
        // As RFC 6886 section 3.5 has it: version 0, result 1, in answer to a version that it does not know.
        _router.Answer = _ => Convert.FromHexString("0080000100000064");
        using var mapper = new PcpMapper(_router.Link, Port, new SecretRandomness(), _router.Port);
        Assert.False(await mapper.FindAsync(Stop));
    }

    [Fact]
    public async Task PCP_is_there_where_only_ANNOUNCE_is_not_known()
    {
        _router.Answer = request => PcpAnswer(request, PcpResult.UnsupportedOpcode);
        using var mapper = new PcpMapper(_router.Link, Port, new SecretRandomness(), _router.Port);
        Assert.True(await mapper.FindAsync(Stop));
    }

    [Fact]
    public async Task PCP_takes_no_for_an_answer()
    {
        _router.Answer = request => PcpAnswer(request, PcpResult.NotAuthorized);
        using var mapper = new PcpMapper(_router.Link, Port, new SecretRandomness(), _router.Port);
        Assert.Equal(new MappingReply(MappingOutcome.Refused, Code: 2), await mapper.MapAsync(Stop));
    }

    [Fact]
    public async Task Who_does_not_answer_is_given_up()
    {
        using var mapper = new NatPmpMapper(_router.Link, Port, _router.Port);
        Assert.False(await mapper.FindAsync(Stop));
    }

    [Fact]
    public async Task UPnP_maps_by_AddAnyPortMapping_renews_that_port_and_gives_it_back()
    {
        Serve(Igd2, (action, _) => action == "AddAnyPortMapping" ? (200, FakeRouter.Result("NewReservedPort", "40651")) : (200, FakeRouter.Result("x", "")));
        using UpnpMapper mapper = Upnp();
        Assert.True(await mapper.FindAsync(Stop));
        var granted = new MappingReply(MappingOutcome.Granted, new Mapping(MappingProtocol.Upnp, External, MappingLimits.Lease));
        Assert.Equal(granted, await mapper.MapAsync(Stop));
        Assert.Equal(granted, await mapper.MapAsync(Stop));
        await mapper.UnmapAsync(Stop);
        Assert.Equal(
            [
                "GetExternalIPAddress", "AddAnyPortMapping 40650 1200", "GetExternalIPAddress", "AddPortMapping 40651 1200", "DeletePortMapping 40651",
            ],
            _router.Actions);
    }

    [Theory]
    [InlineData("AddPortMapping", "WANIPConnection:1", "DeletePortMapping 40650")]
    [InlineData("AddAnyPortMapping", "WANIPConnection:2", "DeletePortMapping 40651")]
    public async Task UPnP_gives_back_what_the_router_grants_after_it_was_stopped(string action, string service, string last)
    {
        using var stop = new CancellationTokenSource();
        Serve(Igd2.Replace("WANIPConnection:2", service), (asked, arguments) =>
        {
            if (asked == action && arguments["NewLeaseDuration"] != "0")
                return (500, FakeRouter.Fault(725));
            if (asked == action)
                stop.Cancel();
            return (200, FakeRouter.Result("NewReservedPort", "40651"));
        });
        using UpnpMapper mapper = Upnp();
        Assert.True(await mapper.FindAsync(Stop));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => mapper.MapAsync(stop.Token));
        await mapper.UnmapAsync(Stop);
        await mapper.UnmapAsync(Stop);
        Assert.Equal(["GetExternalIPAddress", $"{action} 40650 1200", $"{action} 40650 0", last], _router.Actions);
    }

    [Fact]
    public async Task UPnP_falls_back_to_a_permanent_lease_and_to_other_ports()
    {
        Serve(Igd2.Replace("WANIPConnection:2", "WANPPPConnection:1"), (_, arguments) => (arguments["NewLeaseDuration"], arguments["NewExternalPort"]) switch
        {
            ("1200", _) => (500, FakeRouter.Fault(725)),
            (_, "40650") => (500, FakeRouter.Fault(718)),
            _ => (200, FakeRouter.Result("x", "")),
        });
        using UpnpMapper mapper = Upnp();
        Assert.True(await mapper.FindAsync(Stop));
        MappingReply reply = await mapper.MapAsync(Stop);
        Assert.Equal((MappingOutcome.Granted, TimeSpan.Zero), (reply.Outcome, reply.Mapping.Lifetime));
        Assert.InRange(reply.Mapping.External.Port, 0xC000, 0xFFFF);
        Assert.Equal(4, _router.Actions.Count);
    }

    [Fact]
    public async Task UPnP_gives_up_on_a_router_that_objects_to_everything()
    {
        Serve(Igd2.Replace("WANIPConnection:2", "WANIPConnection:1"), (_, _) => (500, FakeRouter.Fault(718)));
        using UpnpMapper mapper = Upnp();
        Assert.True(await mapper.FindAsync(Stop));
        Assert.Equal(MappingOutcome.Refused, (await mapper.MapAsync(Stop)).Outcome);
        Assert.Equal(1 + UpnpAttempt.Max, _router.Actions.Count);
    }

    [Theory]
    [InlineData("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n<root>")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n<ro>")]
    [InlineData("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("no HTTP at all\r\n\r\n")]
    [InlineData("")]
    public async Task UPnP_makes_nothing_of_a_bad_description(string response)
    {
        _router.RawResponse = response;
        using UpnpMapper mapper = Upnp();
        Assert.False(await mapper.FindAsync(Stop));
    }

    [Fact]
    public async Task UPnP_reads_no_description_without_end()
    {
        _router.RawResponse = "HTTP/1.1 200 OK\r\n\r\n<root>" + new string(' ', 2 * UpnpXml.MaxLength);
        using UpnpMapper mapper = Upnp();
        Assert.False(await mapper.FindAsync(Stop));
    }

    [Theory]
    [InlineData("")]
    [InlineData("no address")]
    [InlineData("2001:db8::1")]
    public async Task UPnP_needs_an_outer_address(string address)
    {
        Serve(Igd2, (_, _) => (200, FakeRouter.Result("NewReservedPort", "40651")), address);
        using UpnpMapper mapper = Upnp();
        Assert.True(await mapper.FindAsync(Stop));
        Assert.Equal(MappingOutcome.Refused, (await mapper.MapAsync(Stop)).Outcome);
    }

    private UpnpMapper Upnp() => new(_router.Link, Port, new CountingRandomness(), _router.Searches);

    private void Serve(string description, Func<string, Dictionary<string, string>, (int, string)> action, string external = "198.51.100.7")
    {
        _router.Description = description;
        _router.Action = (name, arguments) => name == "GetExternalIPAddress"
            ? (200, FakeRouter.Result("NewExternalIPAddress", external))
            : action(name, arguments);
    }

    /// <summary>Answers as RFC 6887 section 7.2 says: with what was asked, and its own header.</summary>
    private static byte[] PcpAnswer(byte[] request, PcpResult result, UdpAddress external = default)
    {
        byte[] answer = [.. request];
        answer[1] |= 0x80;
        answer[3] = (byte)result;
        answer.AsSpan(8, 16).Clear();
        BinaryPrimitives.WriteUInt32BigEndian(answer.AsSpan(8), 100);
        if (!external.IsNone)
        {
            BinaryPrimitives.WriteUInt16BigEndian(answer.AsSpan(42), external.Port);
            external.WriteAddress(answer.AsSpan(56));
        }
        return answer;
    }

    private sealed class SecretRandomness : IRandomness
    {
        public void FillPublic(Span<byte> destination) => throw new InvalidOperationException("A nonce is a secret.");

        public void FillSecret(Span<byte> destination) => new Random(7).NextBytes(destination);
    }
}
