using Punchline.Quic.Tests.Wire;
using Punchline.Quic.Wire;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>What leaves on a probe timeout while the congestion window is full (RFC 9002 sections 6.2.4 and 7.5).</summary>
public sealed class FullWindowTests
{
    [Fact]
    public void Probes_leave_with_new_data_and_count_as_in_flight()
    {
        Scene scene = Scene.Connected(1, new LinkProfile { Delay = TimeSpan.FromMilliseconds(40) });
        var sent = new SentStreamData();
        scene.Client.Trace = sent;
        scene.Network.DropFilter = (_, _) => true;
        scene.ClientApplication.Start(scene.Connection, 1, 1_000_000);
        scene.Network.RunFor(TimeSpan.FromMilliseconds(100));
        Assert.Equal(0, sent.Timeouts);
        long full = InFlight(scene);
        ulong newest = sent.End;
        Assert.InRange(full, Window(scene) - 1200, Window(scene));

        scene.Check(scene.Network.RunUntil(() => sent.Timeouts == 1, TimeSpan.FromSeconds(5)), "no probe timeout");
        scene.Network.RunFor(TimeSpan.FromMilliseconds(1));
        Assert.InRange(InFlight(scene) - full, 1200, 2 * 1472);
        Assert.True(InFlight(scene) > Window(scene));
        Assert.True(sent.End > newest, "only what was sent before");
    }

    private static long InFlight(Scene scene) => Statistics(scene).BytesInFlight;

    private static long Window(Scene scene) => Statistics(scene).CongestionWindow;

    private static PathStatistics Statistics(Scene scene)
    {
        Assert.True(scene.Connection.TryGetPathStatistics(scene.Connection.CurrentPath, out PathStatistics path));
        return path;
    }

    /// <summary>How far the stream's data has been sent, and how many probe timeouts there were.</summary>
    private sealed class SentStreamData : ITrace
    {
        private readonly byte[] _again = new byte[2000];

        internal ulong End { get; private set; }

        internal int Timeouts { get; private set; }

        public void Record(QuicConnection connection, in TraceEvent traceEvent, ReadOnlySpan<byte> content)
        {
            if (traceEvent.Kind == TraceKind.ProbeTimeout)
                Timeouts++;
            if (traceEvent is not { Kind: TraceKind.PacketSent, Space: PacketNumberSpace.Application })
                return;
            var reader = new WireReader(content);
            while (!reader.IsEmpty)
            {
                WireReader frame = reader;
                Assert.True(FrameTypes.TryReadType(ref frame, out ulong type, out _));
                if (type is >= FrameTypes.StreamFirst and <= FrameTypes.StreamLast && StreamFrame.TryRead(ref frame, type, out StreamFrame stream))
                    End = Math.Max(End, stream.Offset + (ulong)stream.Data.Length);
                var again = new WireWriter(_again);
                Assert.True(FrameText.TryRead(ref reader, ref again, out _, out _));
            }
        }
    }
}
