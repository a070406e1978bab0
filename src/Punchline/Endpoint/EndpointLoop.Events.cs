using Punchline.Protocol;
using Punchline.Quic;

namespace Punchline.Endpoint;

/// <content>From the core's events to the owner's calls.</content>
internal sealed partial class EndpointLoop
{
    private void DrainEvents(EndpointConnection connection)
    {
        while (connection.Core.TryReadEvent(out QuicEvent quicEvent))
        {
            if (quicEvent.Kind == QuicEventKind.Closed)
            {
                ReportClosed(connection, quicEvent.Error ?? EndedWithoutReason);
                continue;
            }
            if (quicEvent.Kind == QuicEventKind.CandidateReceived)
            {
                connection.Candidates.Add(quicEvent.Candidate);
                AddPathsTo(connection, quicEvent.Candidate);
            }
            else if (quicEvent.Kind == QuicEventKind.CandidateGone)
            {
                connection.ForgetCandidate(quicEvent.Candidate.Address);
            }
            if (connection is { Handler: { } handler, Faulted: false, ClosedReported: false })
            {
                try
                {
                    Tell(handler, quicEvent);
                }
                catch (Exception e)
                {
                    Fail(connection, e);
                }
            }
            // After the owner has heard of it, so that it can still ask for the path's figures.
            if (quicEvent.Kind == QuicEventKind.PathLost)
                connection.ReleaseUnusedPaths();
        }
    }

    private static void Tell(IConnectionHandler handler, in QuicEvent e)
    {
        switch (e.Kind)
        {
            case QuicEventKind.Established: handler.OnEstablished(); break;
            case QuicEventKind.EarlyDataRejected: handler.OnEarlyDataRejected(); break;
            case QuicEventKind.SessionReceived: handler.OnSessionReceived(); break;
            case QuicEventKind.StreamOpened: handler.OnStreamOpened(e.Stream); break;
            case QuicEventKind.StreamReadable: handler.OnStreamReadable(e.Stream, e.Code); break;
            case QuicEventKind.StreamWritable: handler.OnStreamWritable(e.Stream); break;
            case QuicEventKind.StreamStopped: handler.OnStreamStopped(e.Stream, e.Code); break;
            case QuicEventKind.StreamsAvailable: handler.OnStreamsAvailable(); break;
            case QuicEventKind.DatagramReceived: handler.OnDatagram(); break;
            case QuicEventKind.CandidateReceived: handler.OnCandidateReceived(e.Candidate); break;
            case QuicEventKind.CandidateGone: handler.OnCandidateGone(e.Candidate); break;
            case QuicEventKind.ObservedAddress: handler.OnObservedAddress(e.Candidate.Address, e.Path); break;
            case QuicEventKind.PathValidated: handler.OnPathValidated(e.Path!); break;
            case QuicEventKind.PathChanged: handler.OnPathChanged(e.Path!); break;
            case QuicEventKind.PathLost: handler.OnPathLost(e.Path!); break;
            case QuicEventKind.PeerUnreachable: handler.OnUnreachable(); break;
            case QuicEventKind.PeerReachable: handler.OnReachable(); break;
            case QuicEventKind.PunchingFailed: handler.OnPunchingFailed(); break;
        }
    }

    /// <summary>A way from each of our sockets of the candidate's family.</summary>
    private void AddPathsTo(EndpointConnection connection, Candidate candidate)
    {
        if (_relayOnly)
            return;
        foreach (SocketSlot slot in _slots)
        {
            if (!slot.IsExtra && DirectPath(slot.Socket, candidate.Address) is { } path)
                connection.TryAddPath(path);
        }
    }

    private void Fail(EndpointConnection connection, Exception exception)
    {
        connection.Faulted = true;
        _log.HandlerFailed(connection, exception);
        connection.Close((ulong)CloseCode.Internal, "internal error");
    }

    private void ReportClosed(EndpointConnection connection, QuicError error)
    {
        if (connection.ClosedReported)
            return;
        connection.ClosedReported = true;
        try
        {
            connection.Handler?.OnClosed(error);
        }
        catch (Exception e)
        {
            _log.HandlerFailed(connection, e);
        }
    }
}
