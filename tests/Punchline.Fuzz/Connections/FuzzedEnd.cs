using Punchline.Quic;
using Punchline.Testing;

namespace Punchline.Fuzz.Connections;

/// <summary>One end of a <see cref="FuzzedPair"/>: an endpoint, its connection, its ways out, and an application that reads whatever comes.</summary>
internal sealed class FuzzedEnd : ILocalNetwork
{
    /// <summary>Bytes that the application reads of one stream at once, and all that it writes when it is asked to.</summary>
    private const int ApplicationBytes = 4096;

    /// <summary>Far more than congestion window and pacer allow at one instant: a connection that sends on has lost its bounds.</summary>
    private const int MaxBatches = 1000;

    private readonly UdpAddress _address;
    private readonly Dictionary<UdpAddress, SimulatedPath> _paths = [];
    private readonly byte[] _scratch = new byte[ApplicationBytes];
    private readonly byte[] _batch = new byte[65_535];
    private StreamId? _stream;

    public FuzzedEnd(UdpAddress address, RememberingSigner signer, ulong seed, IAdmission? admission)
    {
        _address = address;
        Random = new SeededRandomness(seed);
        Endpoint = new QuicEndpoint(new QuicEndpointOptions
        {
            Signer = signer,
            Randomness = Random,
            KeyExchanges = [new P256KeyExchange(Random)],
            ResetKey = new byte[32],
            Network = this,
            Admission = admission,
        });
    }

    public SeededRandomness Random { get; }

    public QuicEndpoint Endpoint { get; }

    /// <summary>The connection; null on the host until the first packet was accepted.</summary>
    public QuicConnection? Connection { get; set; }

    /// <summary>Why it ended, if it did.</summary>
    public QuicError? Error { get; private set; }

    /// <summary>Bytes that it sent.</summary>
    public long Sent { get; private set; }

    public bool AllowsLoopback => false;

    public bool IsOnLink(UdpAddress address) => false;

    public bool IsOwn(UdpAddress address) => address == _address;

    /// <summary>The way to an address, one object for each.</summary>
    public SimulatedPath PathTo(UdpAddress remote)
    {
        if (!_paths.TryGetValue(remote, out SimulatedPath? path))
            _paths.Add(remote, path = new SimulatedPath(PathKind.Direct, _address, remote));
        return path;
    }

    /// <summary>A datagram comes.</summary>
    public void Receive(Instant now, UdpAddress from, Span<byte> datagram)
    {
        QuicConnection? taken = Endpoint.Receive(now, PathTo(from), EcnCodepoint.NotEct, datagram);
        Connection ??= taken;
    }

    /// <summary>Hands out events and takes what is to be sent, as a driver does.</summary>
    /// <param name="deliver">Is given each datagram and where it goes.</param>
    /// <returns>True if anything was sent.</returns>
    public bool Flush(Instant now, Action<UdpAddress, byte[]> deliver)
    {
        bool any = false;
        while (Endpoint.TryTransmit(_batch, out Transmit answer))
            any |= Send(answer, deliver);
        if (Connection is not { } connection)
            return any;
        while (connection.TryReadEvent(out QuicEvent quicEvent))
            OnEvent(now, connection, quicEvent);
        for (int batches = 0; connection.TryTransmit(now, _batch, out Transmit transmit); batches++)
        {
            Check.That(batches < MaxBatches, "a connection sends without end at one instant");
            any |= Send(transmit, deliver);
        }
        return any;
    }

    /// <summary>The application says something: on a stream, and in a DATAGRAM.</summary>
    public void Speak()
    {
        if (Connection is not { IsEstablished: true, IsOpen: true } connection)
            return;
        if (_stream is null && connection.TryOpenStream(bidirectional: true, out StreamId id))
            _stream = id;
        if (_stream is { } stream)
            connection.Write(stream, _scratch, out _);
        connection.TrySendDatagram(_scratch.AsSpan(0, 100));
    }

    private bool Send(in Transmit transmit, Action<UdpAddress, byte[]> deliver)
    {
        for (int offset = 0; offset < transmit.Length; offset += transmit.SegmentSize)
        {
            int length = Math.Min(transmit.SegmentSize, transmit.Length - offset);
            Sent += length;
            deliver(transmit.Path.RemoteAddress, _batch.AsSpan(offset, length).ToArray());
        }
        return transmit.Length > 0;
    }

    private void OnEvent(Instant now, QuicConnection connection, in QuicEvent quicEvent)
    {
        switch (quicEvent.Kind)
        {
            case QuicEventKind.StreamOpened or QuicEventKind.StreamReadable:
                while (connection.Read(quicEvent.Stream, _scratch, out int count) == StreamStatus.Ok && count > 0)
                {
                }
                break;
            case QuicEventKind.DatagramReceived:
                while (connection.TryReadDatagram(_scratch, out _))
                {
                }
                break;
            case QuicEventKind.CandidateReceived:
                connection.TryAddPath(now, PathTo(quicEvent.Candidate.Address));
                break;
            case QuicEventKind.Closed:
                Check.That(Error is null && quicEvent.Error is not null, "an end without a reason, or two of them");
                Error = quicEvent.Error;
                break;
        }
    }
}
