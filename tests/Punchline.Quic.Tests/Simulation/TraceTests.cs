using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>What the trace says of dropped packets.</summary>
public sealed class TraceTests
{
    [Fact]
    public void A_dropped_packet_is_told_with_its_space()
    {
        using var lines = new StringWriter();
        var scene = new Scene(1, new LinkProfile { Duplicate = 1 });
        scene.Network.Log.Mirror = lines;
        scene.Connect();
        scene.Check(scene.Network.RunUntil(() => scene.HostApplication.IsEstablished && scene.ClientApplication.IsEstablished, TimeSpan.FromSeconds(60)), "no handshake");
        scene.Network.RunFor(TimeSpan.FromSeconds(1));
        string text = lines.ToString();
        foreach (string space in new[] { "Initial", "Handshake", "Application" })
            Assert.Contains($"PacketDropped {space} ", text);
    }
}
