using Punchline.Quic.Tests.Simulation;
using Punchline.Quic.Wire;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Scenarios;

/// <summary>The largest window is the largest from the first byte on.</summary>
public sealed class SmallWindowTests
{
    private sealed class Parameters : ITrace
    {
        internal TransportParameters? Local { get; private set; }

        public void Record(QuicConnection connection, in TraceEvent traceEvent, ReadOnlySpan<byte> content)
        {
            if (traceEvent is { Kind: TraceKind.Parameters, Text: "local" }
                && TransportParameterCodec.TryRead(content, fromClient: true, out TransportParameters? parameters, out _))
                Local = parameters;
        }
    }

    [Fact]
    public void Small_windows_hold_from_the_start()
    {
        var transport = new QuicTransportOptions { MaxStreamWindow = 10_000, MaxConnectionWindow = 30_000 };
        var scene = new Scene(1, new LinkProfile(), transport);
        var parameters = new Parameters();
        scene.Client.Trace = parameters;
        scene.Connect();
        Assert.Equal(30_000UL, parameters.Local!.InitialMaxData);
        Assert.Equal(10_000UL, parameters.Local.InitialMaxStreamDataBidiLocal);
        Assert.Equal(10_000UL, parameters.Local.InitialMaxStreamDataBidiRemote);
        Assert.Equal(10_000UL, parameters.Local.InitialMaxStreamDataUni);
    }
}
