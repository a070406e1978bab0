using Punchline.Quic.Wire;

namespace Punchline.Quic;

/// <summary>How a connection ends (RFC 9000 sections 10.2 and 11.1).</summary>
/// <remarks>
/// <code>
///            we close                3 x PTO
///  Open ---------------> Closing --------------> Terminated
///    |  peer's close, stateless reset                ^
///    |------------------> Draining ------------------|
///    |                              3 x PTO          |
///    |  idle timeout                                 |
///    '-----------------------------------------------'
/// </code>
/// </remarks>
internal sealed class CloseState
{
    /// <summary>What answers datagrams that nobody has authenticated stays below this many times their bytes (RFC 9000 section 10.2.1).</summary>
    private const int AmplificationFactor = 3;

    /// <summary>Closing and draining last this many probe timeouts (RFC 9000 section 10.2).</summary>
    private const int LingerProbeTimeouts = 3;

    /// <summary>A longer reason would not fit an Initial packet beside its token.</summary>
    private const int MaxReasonLength = 256;

    private readonly byte[] _reason = new byte[MaxReasonLength];
    private int _reasonLength;
    private int _heard;
    private int _answerAfter = 1;
    private long _bytesHeard;
    private long _bytesAnswered;
    private int _frameDatagram;

    internal enum Phase : byte
    {
        Open,
        Closing,
        Draining,
        Terminated,
    }

    internal Phase Current { get; private set; }

    internal bool IsOpen => Current == Phase.Open;

    internal QuicError? Error { get; private set; }

    /// <summary>True if a CONNECTION_CLOSE must leave.</summary>
    internal bool OwesFrame { get; private set; }

    /// <summary>When closing or draining ends.</summary>
    internal Instant Deadline { get; private set; } = Instant.Never;

    /// <summary>We close.</summary>
    internal void Close(QuicError error, Instant now, TimeSpan probeTimeout)
    {
        if (Current != Phase.Open)
            return;
        Error = error;
        Current = Phase.Closing;
        OwesFrame = true;
        Deadline = now + (LingerProbeTimeouts * probeTimeout);
        _reasonLength = WriteReason(error.Reason);
    }

    /// <summary>The peer closed, or reset: nothing more is sent.</summary>
    internal void Drain(QuicError error, Instant now, TimeSpan probeTimeout)
    {
        if (Current >= Phase.Draining)
            return;
        Error ??= error;
        Current = Phase.Draining;
        OwesFrame = false;
        Deadline = now + (LingerProbeTimeouts * probeTimeout);
    }

    /// <summary>It is over at once.</summary>
    internal void Terminate(QuicError error)
    {
        Error ??= error;
        Current = Phase.Terminated;
        OwesFrame = false;
        Deadline = Instant.Never;
    }

    internal void OnTimeout(Instant now)
    {
        if (now < Deadline)
            return;
        Current = Phase.Terminated;
        OwesFrame = false;
        Deadline = Instant.Never;
    }

    /// <summary>
    /// A datagram arrived while closing: answered ever more rarely, and never with more than three times the bytes of all of them,
    /// as it is not looked into (RFC 9000 section 10.2.1).
    /// </summary>
    internal void OnHeard(int bytes)
    {
        if (Current != Phase.Closing)
            return;
        _bytesHeard += bytes;
        if (++_heard < _answerAfter || _bytesAnswered + _frameDatagram > AmplificationFactor * _bytesHeard)
            return;
        _heard = 0;
        _answerAfter *= 2;
        _bytesAnswered += _frameDatagram;
        OwesFrame = true;
    }

    /// <summary>The close left.</summary>
    /// <param name="bytes">The length of its datagram: each answer is as long.</param>
    internal void OnFrameSent(int bytes)
    {
        OwesFrame = false;
        _frameDatagram = bytes;
    }

    /// <summary>The frame for a level: an application's close is hidden before 1-RTT (RFC 9000 section 10.2.3).</summary>
    internal ConnectionCloseFrame FrameFor(PacketNumberSpace space)
    {
        QuicError error = Error!;
        if (error.IsApplication && space != PacketNumberSpace.Application)
            return new ConnectionCloseFrame(false, (ulong)TransportErrorCode.ApplicationError, 0, default);
        return new ConnectionCloseFrame(error.IsApplication, error.Code, error.FrameType, _reason.AsSpan(0, _reasonLength));
    }

    // RFC 9000 section 19.19: UTF-8, cut between characters.
    private int WriteReason(string reason)
    {
        System.Text.Unicode.Utf8.FromUtf16(reason, _reason, out _, out int written);
        return written;
    }
}
