using Punchline.Quic.Tests.Simulation;
using Punchline.Quic.Wire;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Adversary;

/// <summary>A peer that breaks the protocol hears which rule it broke, in either role (RFC 9000 section 11).</summary>
public sealed class ViolationTests
{
    private static readonly LinkProfile Link = new() { Delay = TimeSpan.FromMilliseconds(10) };

    public static TheoryData<string, bool> Cases
    {
        get
        {
            var cases = new TheoryData<string, bool>();
            foreach (Violation violation in Violations.All)
            {
                if (violation.By.HasFlag(Roles.Client))
                    cases.Add(Title(violation), true);
                if (violation.By.HasFlag(Roles.Server))
                    cases.Add(Title(violation), false);
            }
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Ends_with_the_error_that_names_it(string title, bool byClient)
    {
        Violation violation = Violations.All.Single(each => Title(each) == title);
        Scene scene = Scene.Connected(1, Link);
        var hostile = new Hostile(scene, byClient);
        if (violation.Code is null)
            hostile.Mute(); // Its own connection knows nothing of what is said in its name, and would object to the answers.
        if (violation.Act is { } act)
        {
            act(hostile);
        }
        else
        {
            foreach (byte[] frames in violation.Packets(hostile))
                hostile.Say(frames);
        }
        scene.Network.RunFor(TimeSpan.FromMilliseconds(200));
        QuicError? error = hostile.Victim.CloseError;
        if (violation.Code is not { } code)
        {
            Assert.True(error is null && hostile.Victim.IsOpen, $"closed: {error}");
            return;
        }
        Assert.True(error is { IsRemote: false, IsApplication: false } && error.Code == code, $"expected 0x{code:x}, is {error}");
        // And the one who did it is told; a mute one hears nothing.
        if (violation.IsHeard && !(byClient ? scene.Client : scene.Host).IsDead)
            Assert.True(hostile.Own.CloseError is { IsRemote: true } told && told.Code == code, $"told: {hostile.Own.CloseError}");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Punch_frames_are_unknown_where_they_were_not_agreed(bool byClient)
    {
        Scene scene = Scene.Connected(2, Link, new QuicTransportOptions { Punch = false });
        var hostile = new Hostile(scene, byClient);
        hostile.Say(Raw.Ints(FrameTypes.Punch, 1));
        scene.Network.RunFor(TimeSpan.FromMilliseconds(200));
        Assert.Equal((ulong)TransportErrorCode.FrameEncodingError, hostile.Victim.CloseError?.Code);
    }

    public static TheoryData<ulong, bool, bool> EarlyFrames
    {
        get
        {
            // RFC 9000 table 3: what may not stand in Initial and Handshake packets.
            ulong[] types =
            [
                0x04, 0x05, 0x07, 0x08, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1d, 0x1e, 0x30, 0x31,
                FrameTypes.Candidate, FrameTypes.Punch,
            ];
            var cases = new TheoryData<ulong, bool, bool>();
            foreach (ulong type in types)
            {
                foreach (bool byClient in (bool[])[true, false])
                {
                    cases.Add(type, byClient, true);
                    cases.Add(type, byClient, false);
                }
            }
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(EarlyFrames))]
    public void A_frame_in_a_packet_where_it_does_not_belong(ulong type, bool byClient, bool initial)
    {
        Hostile hostile = InHandshake(byClient, initial);
        hostile.SayAt(initial ? PacketNumberSpace.Initial : PacketNumberSpace.Handshake, Raw.Ints(type, 0, 0, 0, 0));
        hostile.Scene.Network.RunFor(TimeSpan.FromMilliseconds(5));
        bool punch = FrameTypes.IsPunch(type);
        ulong code = hostile.Victim.CloseError?.Code ?? 0;
        // Whether the punch frames are known is agreed within the handshake: before that they are of an unknown type.
        Assert.True(code == (ulong)TransportErrorCode.ProtocolViolation || (punch && code == (ulong)TransportErrorCode.FrameEncodingError),
            $"{hostile.Victim.CloseError}");
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void Reserved_bits_of_a_long_header(bool byClient, bool initial)
    {
        Hostile hostile = InHandshake(byClient, initial);
        hostile.SayAt(initial ? PacketNumberSpace.Initial : PacketNumberSpace.Handshake, [1], setBits: 0x0c);
        hostile.Scene.Network.RunFor(TimeSpan.FromMilliseconds(5));
        Assert.Equal((ulong)TransportErrorCode.ProtocolViolation, hostile.Victim.CloseError?.Code);
    }

    /// <summary>A handshake that stands still where both sides have keys of the level: the client's next flight does not leave.</summary>
    private static Hostile InHandshake(bool byClient, bool initial)
    {
        var scene = new Scene(3, Link);
        PacketNumberSpace level = initial ? PacketNumberSpace.Initial : PacketNumberSpace.Handshake;
        int flights = 0;
        scene.Network.OnTheWay = (from, _, _) => from == Scene.ClientRelay ? flights++ > 0 : initial;
        scene.Connect();
        bool ready = scene.Network.RunUntil(
            () => scene.Host.Connections.Count > 0 && Hostile.HasKeys(scene.Connection, level) && Hostile.HasKeys(scene.HostConnection, level),
            TimeSpan.FromSeconds(1));
        scene.Check(ready, "no keys");
        return new Hostile(scene, byClient);
    }

    private static string Title(Violation violation) => $"{violation.Section}: {violation.Name}";
}
