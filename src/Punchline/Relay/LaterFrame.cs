using System.Buffers.Binary;

namespace Punchline.Relay;

/// <summary>What the server says to ASK_LATER.</summary>
internal enum LaterStatus : byte
{
    /// <summary>At once: the answer will come.</summary>
    Promised = 0,

    /// <summary>The answer itself, after the time that was asked for.</summary>
    Kept = 1,

    /// <summary>At once: there are too many already, or the time is out of bounds.</summary>
    Refused = 2,
}

/// <summary>The fields of ASK_LATER; the cookie is read from the frame itself.</summary>
/// <param name="Token">Names the promise, together with the address.</param>
/// <param name="Seconds">After which the answer is wanted.</param>
internal readonly record struct AskLater(ulong Token, ushort Seconds);

/// <summary>The fields of LATER.</summary>
internal readonly record struct Later(ulong Token, LaterStatus Status);

/// <summary>Writes and reads the two frames that try a mapping's lifetime (docs/wire/relay.md). All fields stand at fixed places.</summary>
internal static class LaterFrame
{
    /// <summary>Type, token, seconds, cookie: longer than both answers to it together.</summary>
    public const int AskLength = 1 + 8 + 2 + RelayFrame.CookieLength;

    /// <summary>Type, token, status.</summary>
    public const int AnswerLength = 1 + 8 + 1;

    /// <summary>The longest that a server remembers a promise, in seconds: no NAT is asked for more (RFC 4787 REQ-5 recommends five minutes).</summary>
    public const int MaxSeconds = 600;

    public static int WriteAsk(Span<byte> destination, in AskLater ask, ReadOnlySpan<byte> cookie)
    {
        destination[0] = (byte)RelayFrameType.AskLater;
        BinaryPrimitives.WriteUInt64BigEndian(destination[1..], ask.Token);
        BinaryPrimitives.WriteUInt16BigEndian(destination[9..], ask.Seconds);
        cookie[..RelayFrame.CookieLength].CopyTo(destination[11..]);
        return AskLength;
    }

    public static bool TryReadAsk(ReadOnlySpan<byte> frame, out AskLater ask, out ReadOnlySpan<byte> cookie)
    {
        ask = default;
        cookie = default;
        if (frame.Length != AskLength || frame[0] != (byte)RelayFrameType.AskLater)
            return false;
        ask = new AskLater(BinaryPrimitives.ReadUInt64BigEndian(frame[1..]), BinaryPrimitives.ReadUInt16BigEndian(frame[9..]));
        cookie = frame[11..];
        return true;
    }

    public static int WriteAnswer(Span<byte> destination, in Later answer)
    {
        destination[0] = (byte)RelayFrameType.Later;
        BinaryPrimitives.WriteUInt64BigEndian(destination[1..], answer.Token);
        destination[9] = (byte)answer.Status;
        return AnswerLength;
    }

    /// <summary>False for a status of a later version, too.</summary>
    public static bool TryReadAnswer(ReadOnlySpan<byte> frame, out Later answer)
    {
        answer = default;
        if (frame.Length != AnswerLength || frame[0] != (byte)RelayFrameType.Later || frame[9] > (byte)LaterStatus.Refused)
            return false;
        answer = new Later(BinaryPrimitives.ReadUInt64BigEndian(frame[1..]), (LaterStatus)frame[9]);
        return true;
    }
}
