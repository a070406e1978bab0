using Punchline.Quic.Paths;
using Punchline.Quic.Tests.Simulation;
using Punchline.Quic.Wire;
using Punchline.Testing;

namespace Punchline.Quic.Tests.Scenarios;

/// <summary>What one side of a connection has sent and received, frame by frame, and whether it may.</summary>
internal sealed class ConnectionBook
{
    private readonly QuicConnection _connection;
    private readonly string _name;
    private readonly Credit _ours;
    private readonly Credit _theirs;
    private readonly ulong?[] _lastNumber = new ulong?[3];
    private bool _isElicitingSeen;
    private bool _isMoreThanProbeSeen;

    internal ConnectionBook(QuicConnection connection, string name)
    {
        _connection = connection;
        _name = name;
        _ours = new Credit($"{name}, sending", connection.IsClient);
        _theirs = new Credit($"{name}, receiving", !connection.IsClient);
    }

    /// <summary>Largest share of the congestion window that was ever found in use, in bytes; for telling that the check has seen something.</summary>
    internal long LargestInFlight { get; private set; }

    internal void OnEvent(in TraceEvent e, ReadOnlySpan<byte> content)
    {
        switch (e.Kind)
        {
            case TraceKind.Parameters:
                bool isLocal = e.Text == "local";
                if (TransportParameterCodec.TryRead(content, fromClient: isLocal == _connection.IsClient, out TransportParameters? parameters, out _))
                    (isLocal ? _theirs : _ours).Start(parameters!);
                break;
            case TraceKind.PacketSent:
                OnSent(e, content);
                break;
            case TraceKind.PacketReceived:
                ReadFrames(content, isSent: false);
                break;
        }
    }

    private void OnSent(in TraceEvent e, ReadOnlySpan<byte> content)
    {
        ref ulong? last = ref _lastNumber[(int)e.Space];
        // RFC 9000 section 12.3: a number is used once. (A Retry or a new attempt does not reset it.)
        if (e.Number <= last)
            throw new ScenarioFailure("packet number", $"{_name}: {e.Number} after {last} in {e.Space}");
        last = e.Number;
        ReadFrames(content, isSent: true);
        if (_isElicitingSeen && _isMoreThanProbeSeen)
            CheckCongestion(e);
    }

    /// <summary>RFC 9002 section 7: no more in flight than the window, but for probes of a probe timeout (section 7.5) and of a path.</summary>
    private void CheckCongestion(in TraceEvent e)
    {
        if (_connection.Loss().ProbesDue(e.Space) > 0 || _connection.Paths().Find(e.Path!) is not { } path)
            return;
        long after = path.Recovery.BytesInFlight + e.Size;
        LargestInFlight = Math.Max(LargestInFlight, after);
        if (after > path.Recovery.Congestion.Window)
            throw new ScenarioFailure("congestion", $"{_name}: {after} bytes in flight, the window is {path.Recovery.Congestion.Window}, packet {e.Number} of {e.Space}");
    }

    private void ReadFrames(ReadOnlySpan<byte> content, bool isSent)
    {
        _isElicitingSeen = false;
        _isMoreThanProbeSeen = false;
        Credit data = isSent ? _ours : _theirs;
        Credit limits = isSent ? _theirs : _ours;
        var reader = new WireReader(content);
        while (!reader.IsEmpty && FrameTypes.TryReadType(ref reader, out ulong type, out _))
        {
            _isElicitingSeen |= FrameTypes.IsAckEliciting(type);
            _isMoreThanProbeSeen |= !FrameTypes.IsProbing(type);
            if (!TryTake(ref reader, type, data, limits))
                throw new ScenarioFailure("frame", $"{_name}: {(isSent ? "sent" : "received")} a frame of type {type:x} that cannot be read");
        }
    }

    private static bool TryTake(scoped ref WireReader reader, ulong type, Credit data, Credit limits)
    {
        switch (type)
        {
            case FrameTypes.Padding or FrameTypes.Ping or FrameTypes.HandshakeDone:
                return true;
            case FrameTypes.Ack or FrameTypes.AckEcn:
                return AckFrame.TryRead(ref reader, type, out _);
            case FrameTypes.Crypto:
                return CryptoFrame.TryRead(ref reader, out _);
            case >= FrameTypes.StreamFirst and <= FrameTypes.StreamLast:
                if (!StreamFrame.TryRead(ref reader, type, out StreamFrame stream))
                    return false;
                data.OnData(stream.Id, stream.Offset + (ulong)stream.Data.Length, stream.Fin);
                return true;
            case FrameTypes.ResetStream:
                if (!ResetStreamFrame.TryRead(ref reader, out ResetStreamFrame reset))
                    return false;
                data.OnData(reset.Id, reset.FinalSize, isFinal: true);
                return true;
            case FrameTypes.StopSending:
                return StopSendingFrame.TryRead(ref reader, out _);
            case FrameTypes.Datagram or FrameTypes.DatagramWithLength:
                return DatagramFrame.TryRead(ref reader, type, out _);
            case >= FrameTypes.MaxData and <= FrameTypes.StreamsBlockedUnidirectional:
                return TryTakeLimit(ref reader, type, limits);
            case FrameTypes.NewConnectionId:
                return NewConnectionIdFrame.TryRead(ref reader, out _);
            case FrameTypes.RetireConnectionId:
                return RetireConnectionIdFrame.TryRead(ref reader, out _);
            case FrameTypes.PathChallenge:
                return PathChallengeFrame.TryRead(ref reader, out _);
            case FrameTypes.PathResponse:
                return PathResponseFrame.TryRead(ref reader, out _);
            case FrameTypes.ConnectionClose or FrameTypes.ApplicationClose:
                return ConnectionCloseFrame.TryRead(ref reader, type, out _);
            case FrameTypes.Candidate:
                return CandidateFrame.TryRead(ref reader, out _);
            case FrameTypes.CandidateGone:
                return CandidateGoneFrame.TryRead(ref reader, out _);
            case FrameTypes.Punch:
                return PunchFrame.TryRead(ref reader, out _);
            case FrameTypes.ObservedAddress:
                return ObservedAddressFrame.TryRead(ref reader, out _);
            default:
                return false;
        }
    }

    private static bool TryTakeLimit(scoped ref WireReader reader, ulong type, Credit limits)
    {
        switch (type)
        {
            case FrameTypes.MaxData:
                if (!MaxDataFrame.TryRead(ref reader, out MaxDataFrame maxData))
                    return false;
                limits.OnMaxData(maxData.Maximum);
                return true;
            case FrameTypes.MaxStreamData:
                if (!MaxStreamDataFrame.TryRead(ref reader, out MaxStreamDataFrame maxStreamData))
                    return false;
                limits.OnMaxStreamData(maxStreamData.Id, maxStreamData.Maximum);
                return true;
            case FrameTypes.MaxStreamsBidirectional or FrameTypes.MaxStreamsUnidirectional:
                if (!MaxStreamsFrame.TryRead(ref reader, type, out MaxStreamsFrame maxStreams))
                    return false;
                limits.OnMaxStreams(maxStreams.Bidirectional, maxStreams.Maximum);
                return true;
            case FrameTypes.DataBlocked:
                return DataBlockedFrame.TryRead(ref reader, out _);
            case FrameTypes.StreamDataBlocked:
                return StreamDataBlockedFrame.TryRead(ref reader, out _);
            default:
                return StreamsBlockedFrame.TryRead(ref reader, type, out _);
        }
    }
}
