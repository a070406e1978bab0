using Punchline.Quic.Wire;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>
/// A verified peer that sends frames without sense: well-formed ones of wild content in wild order, in packets that
/// authenticate. The connection lives or closes with an error; it never throws, and time never stands still.
/// </summary>
public sealed class FrameFuzzTests
{
    private const int Seeds = 250;

    private static readonly ulong[] Types =
    [
        FrameTypes.NewConnectionId, FrameTypes.NewConnectionId, FrameTypes.RetireConnectionId, FrameTypes.PathChallenge, FrameTypes.PathResponse,
        FrameTypes.MaxData, FrameTypes.MaxStreamsBidirectional, FrameTypes.DataBlocked, FrameTypes.StreamDataBlocked, FrameTypes.DatagramWithLength,
        FrameTypes.Candidate, FrameTypes.CandidateGone, FrameTypes.Punch, FrameTypes.ObservedAddress, FrameTypes.Ping,
    ];

    [Fact]
    public void Wild_frames_never_throw()
    {
        int survived = 0;
        int closed = 0;
        for (ulong seed = 1; seed <= Seeds; seed++)
        {
            try
            {
                if (Run(seed))
                    survived++;
                else
                    closed++;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                throw new InvalidOperationException($"seed {seed}\n{e.Message}", e);
            }
        }
        // Both must happen often, or the frames are too tame or too wild to reach far.
        Assert.True(survived > Seeds / 10 && closed > Seeds / 10, $"{survived} lived, {closed} were closed");
    }

    /// <returns>True if the connection lived.</returns>
    private static bool Run(ulong seed)
    {
        var random = new SeededRandomness(seed);
        Scene scene = Scene.Connected(seed, new LinkProfile { Delay = TimeSpan.FromMilliseconds(5) });
        if (random.NextBool(0.5))
            scene.OfferDirect(new LinkProfile { Delay = TimeSpan.FromMilliseconds(3) });
        var frames = new byte[600];
        int fill = random.NextBool(0.8) ? 10 : 450; // a frame or two, which a connection may survive, or dozens
        for (int n = 0; n < 6 && scene.Connection.IsOpen && scene.Host.Connections is [{ IsOpen: true }]; n++)
        {
            var writer = new WireWriter(frames);
            while (writer.Position < fill)
                WriteFrame(ref writer, random);
            scene.Say(random.NextBool(0.5), writer.Written);
            scene.Network.RunFor(TimeSpan.FromSeconds(random.NextInt(1, 7)));
        }
        return scene.Connection.IsOpen && scene.Host.Connections is [{ IsOpen: true }];
    }

    private static void WriteFrame(ref WireWriter writer, SeededRandomness random)
    {
        ulong type = random.NextBool(0.02) ? (ulong)random.NextInt(0x40) : Types[random.NextInt(Types.Length)];
        writer.WriteVarInt(type);
        switch (type)
        {
            case FrameTypes.NewConnectionId:
                int sequence = random.NextInt(1, 30);
                writer.WriteVarInt((ulong)sequence);
                writer.WriteVarInt((ulong)(random.NextBool(0.3) ? Math.Max(0, sequence - random.NextInt(3)) : 0));
                writer.WriteByte(8);
                Span<byte> idAndToken = stackalloc byte[24];
                new SeededRandomness((ulong)sequence).FillPublic(idAndToken); // the same under the same number
                writer.WriteBytes(idAndToken);
                break;
            case FrameTypes.RetireConnectionId:
                writer.WriteVarInt((ulong)random.NextInt(1, 8));
                break;
            case FrameTypes.PathChallenge or FrameTypes.PathResponse:
                writer.WriteUInt64(random.NextUInt64());
                break;
            case FrameTypes.MaxData or FrameTypes.MaxStreamsBidirectional or FrameTypes.DataBlocked:
                writer.WriteVarInt((ulong)random.NextInt(1 << 20));
                break;
            case FrameTypes.StreamDataBlocked:
                writer.WriteVarInt(0);
                writer.WriteVarInt(WildNumber(random));
                break;
            case FrameTypes.DatagramWithLength:
                int length = random.NextInt(8);
                writer.WriteVarInt((ulong)length);
                writer.Reserve(length).Clear();
                break;
            case FrameTypes.Candidate:
                int candidate = random.NextInt(14);
                writer.WriteVarInt((ulong)candidate);
                writer.WriteByte(1);
                WriteAddress(ref writer, (byte)candidate, 3000);
                break;
            case FrameTypes.CandidateGone:
                writer.WriteVarInt((ulong)random.NextInt(12));
                break;
            case FrameTypes.Punch:
                writer.WriteVarInt(random.NextBool(0.05) ? WildNumber(random) : (ulong)random.NextInt(12));
                break;
            case FrameTypes.ObservedAddress:
                writer.WriteVarInt((ulong)random.NextInt(12));
                WriteAddress(ref writer, 1, 5000);
                break;
            default: // PING, and types whose rest is whatever follows
                break;
        }
    }

    private static void WriteAddress(ref WireWriter writer, byte host, ushort port)
    {
        writer.WriteByte(4);
        writer.WriteBytes([198, 18, 9, host]);
        writer.WriteUInt16((ushort)(port + host));
    }

    /// <summary>Small, middling, large, or at the very end of what a frame can say.</summary>
    private static ulong WildNumber(SeededRandomness random) => random.NextInt(4) switch
    {
        0 => (ulong)random.NextInt(8),
        1 => (ulong)random.NextInt(2000),
        2 => (1UL << 62) - 1 - (ulong)random.NextInt(3),
        _ => random.NextUInt64() >> 24,
    };
}
