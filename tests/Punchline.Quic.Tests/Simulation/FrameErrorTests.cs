using Punchline.Quic.Tests.Wire;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>What an established peer may not say, and the error with which the connection ends on both sides (RFC 9000 section 12.4).</summary>
public sealed class FrameErrorTests
{
    private static readonly LinkProfile Link = new() { Delay = TimeSpan.FromMilliseconds(20) };

    [Theory]
    [InlineData("", TransportErrorCode.ProtocolViolation, "no frames: 12.4")]
    [InlineData("21", TransportErrorCode.FrameEncodingError, "an unknown type: 12.4")]
    [InlineData("4001", TransportErrorCode.ProtocolViolation, "a type that is longer than need be: 12.4")]
    [InlineData("07 01 aa", TransportErrorCode.ProtocolViolation, "NEW_TOKEN from a client: 19.7")]
    [InlineData("07 00", TransportErrorCode.FrameEncodingError, "an empty token: 19.7")]
    [InlineData("1e", TransportErrorCode.ProtocolViolation, "HANDSHAKE_DONE from a client: 19.20")]
    [InlineData("02 bfffffff 00 00 00", TransportErrorCode.ProtocolViolation, "an acknowledgement of what was never sent: 13.1")]
    [InlineData("02 01 00 00 02", TransportErrorCode.FrameEncodingError, "an acknowledgement of a negative number: 19.3.1")]
    [InlineData("06 80010000 04 00000000", TransportErrorCode.CryptoBufferExceeded, "CRYPTO far ahead: 7.5")]
    [InlineData("06 ffffffffffffffff 01 00", TransportErrorCode.FrameEncodingError, "CRYPTO beyond 2^62-1: 19.6")]
    [InlineData("0e 00 ffffffffffffffff 01 00", TransportErrorCode.FrameEncodingError, "STREAM beyond 2^62-1: 19.8")]
    [InlineData("0a 01 01 00", TransportErrorCode.StreamStateError, "STREAM of a stream that we have not opened: 19.8")]
    [InlineData("15 4ffc 00", null, "the last stream within the limit")]
    [InlineData("0a 5000 01 00", TransportErrorCode.StreamLimitError, "STREAM beyond the limit: 4.6")]
    [InlineData("12 d000000000000001", TransportErrorCode.FrameEncodingError, "MAX_STREAMS above 2^60: 4.6")]
    [InlineData("16 d000000000000001", TransportErrorCode.FrameEncodingError, "STREAMS_BLOCKED above 2^60: 19.14")]
    [InlineData("18 08 09 04 01020304 00000000000000000000000000000000", TransportErrorCode.FrameEncodingError, "Retire Prior To above the number: 19.15")]
    [InlineData("18 08 00 00 00000000000000000000000000000000", TransportErrorCode.FrameEncodingError, "an empty connection id: 19.15")]
    [InlineData("18 08 00 04 01020304 00000000000000000000000000000000", TransportErrorCode.ConnectionIdLimitError, "one connection id too many: 5.1.1")]
    [InlineData("19 3f", TransportErrorCode.ProtocolViolation, "retiring what was never issued: 19.16")]
    [InlineData("19 00", TransportErrorCode.ProtocolViolation, "retiring the id that carries the frame: 19.16")]
    [InlineData("1c 00 00 05 41", TransportErrorCode.FrameEncodingError, "a reason cut short: 19.19")]
    [InlineData("10 00 11 00 00", null, "limits that raise nothing: 4.1")]
    [InlineData("1b 0102030405060708", null, "an answer that nobody asked for: 8.2.3")]
    public void What_a_client_says_wrongly_ends_the_connection(string frames, TransportErrorCode? code, string why)
    {
        Scene scene = Scene.Connected(1, Link);
        // Stream 0 is there, so that its frames mean something.
        Assert.True(scene.Connection.TryOpenStream(bidirectional: true, out _));
        scene.Say(fromClient: true, [0x0a, 0, 1, 0]);

        scene.Say(fromClient: true, Hex.Bytes(frames));
        scene.Network.RunFor(TimeSpan.FromSeconds(1));

        if (code is null)
        {
            Assert.True(scene.HostConnection.IsOpen, why);
            return;
        }
        Assert.True(scene.HostApplication.ClosedBy is { IsRemote: false } found && found.Code == (ulong)code, $"{why}: {scene.HostApplication.ClosedBy}");
        Assert.True(scene.ClientApplication.ClosedBy is { IsRemote: true } told && told.Code == (ulong)code, $"{why}: {scene.ClientApplication.ClosedBy}");
    }

    [Theory]
    [InlineData(0x08)]
    [InlineData(0x10)]
    public void Reserved_bits_end_the_connection(byte bits) // section 17.3.1
    {
        Scene scene = Scene.Connected(2, Link);

        scene.Say(fromClient: true, [1], reservedBits: bits);
        scene.Network.RunFor(TimeSpan.FromSeconds(1));

        Assert.Equal((ulong)TransportErrorCode.ProtocolViolation, scene.HostApplication.ClosedBy?.Code);
    }

    [Fact]
    public void The_spin_bit_is_ignored() // section 17.4
    {
        Scene scene = Scene.Connected(3, Link);

        scene.Say(fromClient: true, [1], reservedBits: 0x20);
        scene.Network.RunFor(TimeSpan.FromSeconds(1));

        scene.Check(scene.HostConnection.IsOpen && scene.Connection.IsOpen, "closed");
    }
}
