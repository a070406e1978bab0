using System.Diagnostics.CodeAnalysis;
using Punchline.Quic;
using Punchline.Quic.Paths;

namespace Punchline.Endpoint;

/// <summary>
/// What the loop needs of a <see cref="QuicConnection"/>, member for member: the seam at which the loop is tested
/// without cryptography. <see cref="QuicConnectionCore"/> is the real one.
/// </summary>
internal interface IConnectionCore : IStreamTransport
{
    /// <summary>Free for the loop.</summary>
    EndpointConnection? Owner { get; set; }

    /// <inheritdoc cref="QuicConnection.IsClient"/>
    bool IsClient { get; }

    /// <inheritdoc cref="QuicConnection.IsEstablished"/>
    bool IsEstablished { get; }

    /// <inheritdoc cref="QuicConnection.IsResumed"/>
    bool IsResumed => false;

    /// <inheritdoc cref="QuicConnection.IsEarlyDataOpen"/>
    bool IsEarlyDataOpen => false;

    /// <inheritdoc cref="QuicConnection.TryTakeSession"/>
    bool TryTakeSession([NotNullWhen(true)] out byte[]? session)
    {
        session = null;
        return false;
    }

    /// <inheritdoc cref="QuicConnection.IsTerminated"/>
    bool IsTerminated { get; }

    /// <inheritdoc cref="QuicConnection.AdmissionTag"/>
    object? AdmissionTag { get; }

    /// <inheritdoc cref="QuicConnection.PeerId"/>
    ReadOnlyMemory<byte> PeerId { get; }

    /// <inheritdoc cref="QuicConnection.CurrentPath"/>
    NetworkPath CurrentPath { get; }

    /// <inheritdoc cref="QuicConnection.Statistics"/>
    ConnectionStatistics Statistics { get; }

    /// <inheritdoc cref="QuicConnection.NextTimeout"/>
    Instant NextTimeout { get; }

    /// <inheritdoc cref="QuicConnection.OnTimeout"/>
    void OnTimeout(Instant now);

    /// <inheritdoc cref="QuicConnection.TryTransmit"/>
    bool TryTransmit(Instant now, Span<byte> buffer, out Transmit transmit);

    /// <inheritdoc cref="QuicConnection.TryReadEvent"/>
    bool TryReadEvent(out QuicEvent quicEvent);

    /// <inheritdoc cref="QuicConnection.AddLocalCandidate"/>
    void AddLocalCandidate(Candidate candidate);

    /// <inheritdoc cref="QuicConnection.RemoveLocalCandidate"/>
    void RemoveLocalCandidate(UdpAddress address);

    /// <inheritdoc cref="QuicConnection.TryAddPath"/>
    bool TryAddPath(Instant now, NetworkPath path);

    /// <inheritdoc cref="QuicConnection.RemovePath"/>
    void RemovePath(Instant now, NetworkPath path);

    /// <inheritdoc cref="QuicConnection.LeavePath"/>
    void LeavePath(Instant now, NetworkPath path);

    /// <inheritdoc cref="QuicConnection.AgreeOnSilence"/>
    void AgreeOnSilence(Instant now, TimeSpan quiet, bool isBusy);

    /// <inheritdoc cref="QuicConnection.OnNetworkChanged"/>
    void OnNetworkChanged(Instant now);

    /// <inheritdoc cref="QuicConnection.OnDatagramTooLarge"/>
    void OnDatagramTooLarge(Instant now, NetworkPath path, int size);

    /// <inheritdoc cref="QuicConnection.TryWriteProbe"/>
    bool TryWriteProbe(Instant now, NetworkPath path, Span<byte> buffer, out int length);

    /// <inheritdoc cref="QuicConnection.TryGetPathStatistics"/>
    bool TryGetPathStatistics(NetworkPath path, out PathStatistics statistics);

    /// <inheritdoc cref="QuicConnection.ReportProbing"/>
    ProbingReport ReportProbing(Instant now);

    /// <inheritdoc cref="QuicConnection.Close"/>
    void Close(Instant now, ulong applicationCode, string reason);
}

/// <summary>What the loop needs of a <see cref="QuicEndpoint"/>, member for member. <see cref="QuicEndpointCore"/> is the real one.</summary>
internal interface IEndpointCore
{
    /// <inheritdoc cref="QuicEndpoint.Receive"/>
    IConnectionCore? Receive(Instant now, NetworkPath path, EcnCodepoint ecn, Span<byte> datagram);

    /// <inheritdoc cref="QuicEndpoint.TryTransmit"/>
    bool TryTransmit(Span<byte> buffer, out Transmit transmit);

    /// <inheritdoc cref="QuicEndpoint.Connect"/>
    IConnectionCore Connect(Instant now, QuicClientOptions options, NetworkPath path);

    /// <inheritdoc cref="QuicEndpoint.Remove"/>
    void Remove(IConnectionCore connection);
}
