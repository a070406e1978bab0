using System.Globalization;

namespace Punchline.Quic;

/// <summary>Why a connection ends: who says so, with which code, on which frame. A value, never thrown by the core.</summary>
public sealed record QuicError
{
    /// <summary>True if the code is the application's (CONNECTION_CLOSE of type 0x1d), false for a transport error.</summary>
    public bool IsApplication { get; init; }

    /// <summary>True if the peer sent it, false if we found it.</summary>
    public bool IsRemote { get; init; }

    /// <summary>The error code, a <see cref="TransportErrorCode"/> unless <see cref="IsApplication"/>.</summary>
    public ulong Code { get; init; }

    /// <summary>The type of the frame that led to it, 0 if unknown.</summary>
    public ulong FrameType { get; init; }

    /// <summary>A fixed text of ours, or the peer's (bounded, control characters removed).</summary>
    public string Reason { get; init; } = "";

    /// <summary>A transport error that we found.</summary>
    public static QuicError Transport(TransportErrorCode code, string reason, ulong frameType = 0) =>
        new() { Code = (ulong)code, Reason = reason, FrameType = frameType };

    /// <summary>A TLS alert that we raise (RFC 9001 section 4.8).</summary>
    /// <param name="alert">The alert's description byte (RFC 9846 section 6).</param>
    /// <param name="reason">A fixed text.</param>
    public static QuicError Alert(byte alert, string reason) =>
        new() { Code = (ulong)TransportErrorCode.CryptoErrorBase + alert, Reason = reason };

    /// <summary>An error of the application.</summary>
    public static QuicError Application(ulong code, string reason) => new() { IsApplication = true, Code = code, Reason = reason };

    /// <summary>For logs: who, what, on which frame.</summary>
    public override string ToString()
    {
        string who = IsRemote ? "the peer" : "this side";
        string what = IsApplication ? "application error 0x" + Code.ToString("x", CultureInfo.InvariantCulture)
            : Code >= 0x100 && Code <= 0x1ff ? "TLS alert " + (Code - 0x100).ToString(CultureInfo.InvariantCulture)
            : ((TransportErrorCode)Code).ToString();
        string where = FrameType == 0 ? "" : " on frame 0x" + FrameType.ToString("x", CultureInfo.InvariantCulture);
        return $"{who}: {what}{where}: {Reason}";
    }
}
