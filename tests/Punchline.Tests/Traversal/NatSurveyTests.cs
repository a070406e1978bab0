using Punchline.Quic;
using Punchline.Stun;
using Punchline.Testing;
using Punchline.Tests.Endpoint;
using Punchline.Traversal;
using Punchline.Udp;
using Xunit;

namespace Punchline.Tests.Traversal;

/// <summary>What is found out of our NATs, from what servers answer: on fake sockets, in virtual time.</summary>
public sealed class NatSurveyTests
{
    private const string Server = "192.0.2.9:3478";
    private const string OtherPort = "192.0.2.9:3479";

    private static readonly UdpAddress Mapped = FakeSocket.Address("198.51.100.1:40000");

    private readonly LoopRig _rig = new();
    private readonly List<FakeSocket> _extra = [];
    private readonly NatSurvey _survey;
    private NatReport _report;

    public NatSurveyTests() => _survey = new NatSurvey(_rig.Loop, new SeededRandomness(1), _ => Open(), report => _report = report);

    [Theory]
    [InlineData(true, NatFiltering.PortIndependent)]
    [InlineData(false, NatFiltering.AddressAndPortDependent)]
    public void An_answer_from_the_other_port_or_none_tells_how_they_filter(bool comes, object filtering)
    {
        Begin();
        AnswerFilter(comes);
        Assert.Equal(filtering, _report.Filtering);
        Assert.True(_extra[0].Disposed);
    }

    [Fact]
    public void Where_ports_differ_by_destination_fresh_mappings_tell_how_they_are_found()
    {
        BeginHard();
        AnswerSamples(_extra.Skip(1), first: 40_100);
        Assert.Equal(PortAllocation.Sequential, _report.Allocation);
        Assert.Equal(1, _report.Step);
        _rig.Loop.Turn();
        Assert.All(_extra.Skip(1), socket => Assert.True(socket.Disposed));
    }

    [Fact]
    public void A_late_answer_of_a_former_network_changes_nothing()
    {
        BeginHard();
        FakeSocket[] former = [.. _extra];
        _survey.Forget();
        AnswerFilter(comes: true);
        AnswerSamples(former.Skip(1), first: 40_100);
        _survey.OnSeen(_rig.Socket, FakeSocket.Address(Server), Mapped);
        Assert.Equal(NatFiltering.Unknown, _report.Filtering);
        Assert.Equal(PortAllocation.Unknown, _report.Allocation);
        Assert.Equal(NatMapping.Unknown, _report.Mapping);
    }

    [Fact]
    public void A_socket_that_no_answer_comes_to_is_closed()
    {
        Begin();
        for (int i = 0; i < 6; i++)
            Pass(TimeSpan.FromSeconds(1));
        Assert.True(_extra[0].Disposed);
        Assert.Equal(NatFiltering.Unknown, _report.Filtering);
    }

    [Fact]
    public void A_server_over_IPv6_leaves_alone_what_is_known_of_the_NATs_of_IPv4()
    {
        Begin();
        var overIPv6 = new FakeSocket("2001:db8::1", 5_000);
        _rig.Loop.AddSocket(overIPv6);
        UdpAddress server = FakeSocket.Address("[2001:db8:1::1]:3478");
        _survey.Begin(overIPv6, server, hasAlternate: false);
        _survey.OnSeen(overIPv6, server, overIPv6.LocalAddress);
        Assert.Equal(Mapped, _survey.Mapped);
        _survey.OnSeen(_rig.Socket, FakeSocket.Address(OtherPort), Mapped);
        Assert.Equal(NatMapping.PortIndependent, _report.Mapping);
        // In a network without IPv4 it is all there is.
        _survey.Forget();
        _survey.Begin(overIPv6, server, hasAlternate: false);
        _survey.OnSeen(overIPv6, server, overIPv6.LocalAddress);
        Assert.Equal(overIPv6.LocalAddress, _survey.Mapped);
        // And where IPv4 comes back, it counts.
        Begin();
        Assert.Equal(Mapped, _survey.Mapped);
    }

    private void Begin()
    {
        _survey.Begin(_rig.Socket, FakeSocket.Address(Server), hasAlternate: true);
        _survey.OnSeen(_rig.Socket, FakeSocket.Address(Server), Mapped);
    }

    /// <summary>Another port for another destination: the first extra socket is for the filter, the others for samples.</summary>
    private void BeginHard()
    {
        Begin();
        _survey.OnSeen(_rig.Socket, FakeSocket.Address(OtherPort), Mapped.WithPort(40_001));
        Assert.Equal(1 + PortSamples.Enough + 1, _extra.Count);
    }

    private void AnswerFilter(bool comes)
    {
        if (comes)
            Answer(_extra[0], _extra[0].Sent[0], OtherPort, Mapped);
        Answer(_extra[0], _extra[0].Sent[1], Server, Mapped);
        _rig.Loop.Turn();
        Pass(TimeSpan.FromMilliseconds(500));
    }

    private void AnswerSamples(IEnumerable<FakeSocket> sockets, ushort first)
    {
        foreach ((int i, FakeSocket socket) in sockets.Index())
            Answer(socket, socket.Sent[0], Server, Mapped.WithPort((ushort)(first + i)));
        _rig.Loop.Turn();
    }

    private void Pass(TimeSpan time)
    {
        _rig.Time += time;
        _rig.Loop.Turn();
        _rig.Loop.Turn();
    }

    private FakeSocket Open()
    {
        var socket = new FakeSocket("192.0.2.1", 5_000 + _extra.Count);
        _extra.Add(socket);
        _rig.Loop.AddSocket(socket, isExtra: true);
        return socket;
    }

    private static void Answer(FakeSocket socket, SentBatch request, string from, in UdpAddress mapped)
    {
        Assert.True(StunMessage.TryRead(request.Bytes, out StunMessage message));
        byte[] buffer = new byte[StunMessage.MaxLength];
        var writer = new StunWriter(buffer, StunClass.Success, StunMessage.Binding, message.TransactionId);
        writer.AddXorMappedAddress(mapped);
        socket.Arrive(from, "192.0.2.1:0", buffer[..writer.Length]);
    }
}
