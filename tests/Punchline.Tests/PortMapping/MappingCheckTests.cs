using Punchline.PortMapping;
using Punchline.Quic;
using Punchline.Stun;
using Punchline.Testing;
using Punchline.Tests.Udp;
using Xunit;

namespace Punchline.Tests.PortMapping;

/// <summary>The check of a mapped port against our own responder, through a network and a router of the test's, in virtual time.</summary>
public sealed class MappingCheckTests
{
    private const ushort Port = 40_000;
    private static readonly UdpAddress Server = UdpTestPlatforms.Address("192.0.2.1", 3478);
    private static readonly UdpAddress Seen = UdpTestPlatforms.Address("198.51.100.20", 4321);
    private static readonly Instant Start = Instant.Zero + TimeSpan.FromHours(1);

    private readonly MappingCheck _check = new(Server, Port, new SeededRandomness(1));

    [Fact]
    public void An_answer_through_the_port_shows_that_it_is_open() =>
        Assert.Equal(MappingCheckOutcome.Open, Run(static (_, _) => true));

    [Fact]
    public void Answers_everywhere_but_through_the_port_show_that_it_is_shut() =>
        Assert.Equal(MappingCheckOutcome.Shut, Run(static (_, to) => to.Port != Port));

    [Fact]
    public void An_outage_shows_nothing() =>
        Assert.Equal(MappingCheckOutcome.Unheard, Run(static (_, _) => false));

    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    [InlineData(15)]
    public void An_outage_that_ends_in_time_changes_nothing(int seconds)
    {
        Assert.Equal(MappingCheckOutcome.Open, Run((now, _) => now - Start > TimeSpan.FromSeconds(seconds)));
    }

    [Fact]
    public void What_the_server_does_not_do_shows_nothing_and_is_not_asked_again()
    {
        // As one that does not know RESPONSE-PORT: below 1024 ours refuses it, too.
        var check = new MappingCheck(Server, 1000, new SeededRandomness(1));
        Assert.Equal(MappingCheckOutcome.Unknowable, Run(check, static (_, _) => true));
        Assert.False(check.NextTimeout.IsSet);
    }

    private MappingCheckOutcome Run(Func<Instant, UdpAddress, bool> arrives) => Run(_check, arrives);

    private static MappingCheckOutcome Run(MappingCheck check, Func<Instant, UdpAddress, bool> arrives)
    {
        byte[] request = new byte[StunMessage.MaxLength];
        byte[] answer = new byte[StunMessage.MaxLength];
        for (Instant now = Start; check.Outcome == MappingCheckOutcome.Pending; now = Instant.Max(now, check.NextTimeout))
        {
            while (check.TryTransmit(now, request, out int length))
            {
                Assert.True(StunResponder.TryRespond(request.AsSpan(0, length), Seen, new StunServerAddresses(Server, 3479, default), answer, out StunReply reply));
                if (arrives(now, reply.To))
                    check.TryReceive(now, Server, answer.AsSpan(0, reply.Length));
            }
        }
        return check.Outcome;
    }
}
