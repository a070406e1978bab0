using Punchline.Quic;

namespace Punchline.Traversal;

/// <summary>How an attempt ended.</summary>
internal enum AttemptOutcome : byte
{
    /// <summary>It runs.</summary>
    Running,

    /// <summary>The peers met by it.</summary>
    Met,

    /// <summary>Everything was sent, and nothing met.</summary>
    Missed,

    /// <summary>The peer has no time for it now: another attempt of its program runs, or has just run.</summary>
    NotNow,

    /// <summary>The peer does not take part: it does not know the method, or was started without it.</summary>
    Refused,

    /// <summary>The peer, or the server that was to see the socket, did not answer in time.</summary>
    NoAnswer,

    /// <summary>The system gave no socket.</summary>
    NoSocket,

    /// <summary>Another way was direct first, or the peer began anew, or the connection ended.</summary>
    Overtaken,
}

/// <summary>One attempt to meet a hard NAT, at this side, for whoever explains it.</summary>
/// <param name="Method">How.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="BeganAt">When it was proposed or agreed to.</param>
/// <param name="Sockets">Opened for it.</param>
/// <param name="Ports">Of the peer's, how many were tried.</param>
/// <param name="Probes">That left.</param>
internal readonly record struct AttemptReport(TraversalMethod Method, AttemptOutcome Outcome, Instant BeganAt, int Sockets, int Ports, int Probes);
