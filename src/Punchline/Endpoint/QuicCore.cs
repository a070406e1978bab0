using System.Diagnostics.CodeAnalysis;
using Punchline.Quic;
using Punchline.Quic.Paths;

namespace Punchline.Endpoint;

/// <summary>The real connection behind <see cref="IConnectionCore"/>; it hangs at <see cref="QuicConnection.Owner"/>.</summary>
internal sealed class QuicConnectionCore : IConnectionCore
{
    private readonly QuicConnection _quic;

    private QuicConnectionCore(QuicConnection quic) => _quic = quic;

    /// <summary>The one wrapper of a connection, made when it is first seen.</summary>
    public static QuicConnectionCore Of(QuicConnection quic)
    {
        if (quic.Owner is QuicConnectionCore core)
            return core;
        core = new QuicConnectionCore(quic);
        quic.Owner = core;
        return core;
    }

    public QuicConnection Quic => _quic;
    public EndpointConnection? Owner { get; set; }
    public bool IsClient => _quic.IsClient;
    public bool IsEstablished => _quic.IsEstablished;
    public bool IsResumed => _quic.IsResumed;
    public bool IsEarlyDataOpen => _quic.IsEarlyDataOpen;
    public bool IsTerminated => _quic.IsTerminated;
    public object? AdmissionTag => _quic.AdmissionTag;
    public ReadOnlyMemory<byte> PeerId => _quic.PeerId;
    public NetworkPath CurrentPath => _quic.CurrentPath;
    public ConnectionStatistics Statistics => _quic.Statistics;
    public Instant NextTimeout => _quic.NextTimeout;
    public int MaxDatagramPayload => _quic.MaxDatagramPayload;

    public bool TryTakeSession([NotNullWhen(true)] out byte[]? session) => _quic.TryTakeSession(out session);
    public void OnTimeout(Instant now) => _quic.OnTimeout(now);
    public bool TryTransmit(Instant now, Span<byte> buffer, out Transmit transmit) => _quic.TryTransmit(now, buffer, out transmit);
    public bool TryReadEvent(out QuicEvent quicEvent) => _quic.TryReadEvent(out quicEvent);
    public void AddLocalCandidate(Candidate candidate) => _quic.AddLocalCandidate(candidate);
    public void RemoveLocalCandidate(UdpAddress address) => _quic.RemoveLocalCandidate(address);
    public bool TryAddPath(Instant now, NetworkPath path) => _quic.TryAddPath(now, path);
    public void RemovePath(Instant now, NetworkPath path) => _quic.RemovePath(now, path);
    public void LeavePath(Instant now, NetworkPath path) => _quic.LeavePath(now, path);
    public void AgreeOnSilence(Instant now, TimeSpan quiet, bool isBusy) => _quic.AgreeOnSilence(now, quiet, isBusy);
    public void OnNetworkChanged(Instant now) => _quic.OnNetworkChanged(now);
    public void OnDatagramTooLarge(Instant now, NetworkPath path, int size) => _quic.OnDatagramTooLarge(now, path, size);
    public bool TryWriteProbe(Instant now, NetworkPath path, Span<byte> buffer, out int length) => _quic.TryWriteProbe(now, path, buffer, out length);
    public bool TryGetPathStatistics(NetworkPath path, out PathStatistics statistics) => _quic.TryGetPathStatistics(path, out statistics);
    public ProbingReport ReportProbing(Instant now) => _quic.ReportProbing(now);
    public void Close(Instant now, ulong applicationCode, string reason) => _quic.Close(now, applicationCode, reason);
    public bool TryOpenStream(bool bidirectional, out StreamId id) => _quic.TryOpenStream(bidirectional, out id);
    public StreamStatus Write(StreamId id, ReadOnlySpan<byte> data, out int accepted) => _quic.Write(id, data, out accepted);
    public StreamStatus Finish(StreamId id) => _quic.Finish(id);
    public StreamStatus Read(StreamId id, Span<byte> destination, out int count) => _quic.Read(id, destination, out count);
    public void Reset(StreamId id, ulong code) => _quic.Reset(id, code);
    public void StopSending(StreamId id, ulong code) => _quic.StopSending(id, code);
    public bool TrySendDatagram(ReadOnlySpan<byte> payload) => _quic.TrySendDatagram(payload);
    public bool TryReadDatagram(Span<byte> destination, out int length) => _quic.TryReadDatagram(destination, out length);
}

/// <summary>The real endpoint behind <see cref="IEndpointCore"/>.</summary>
internal sealed class QuicEndpointCore(QuicEndpoint quic) : IEndpointCore
{
    public IConnectionCore? Receive(Instant now, NetworkPath path, EcnCodepoint ecn, Span<byte> datagram) =>
        quic.Receive(now, path, ecn, datagram) is { } connection ? QuicConnectionCore.Of(connection) : null;

    public bool TryTransmit(Span<byte> buffer, out Transmit transmit) => quic.TryTransmit(buffer, out transmit);

    public IConnectionCore Connect(Instant now, QuicClientOptions options, NetworkPath path) =>
        QuicConnectionCore.Of(quic.Connect(now, options, path));

    public void Remove(IConnectionCore connection) => quic.Remove(((QuicConnectionCore)connection).Quic);
}
