using System.Diagnostics.CodeAnalysis;

namespace Punchline.Quic.Wire;

/// <summary>PATH_CHALLENGE (RFC 9000 section 19.17).</summary>
/// <param name="Data">Eight unpredictable bytes, as a big-endian number.</param>
internal readonly record struct PathChallengeFrame(ulong Data)
{
    [SuppressMessage("Performance", "CA1822", Justification = "The same shape as every other frame.")]
    public int Length => 1 + sizeof(ulong);

    public static bool TryRead(scoped ref WireReader r, out PathChallengeFrame f)
    {
        bool read = r.TryReadUInt64(out ulong data);
        f = new PathChallengeFrame(data);
        return read;
    }

    public void Write(scoped ref WireWriter w)
    {
        w.WriteVarInt(FrameTypes.PathChallenge);
        w.WriteUInt64(Data);
    }
}

/// <summary>PATH_RESPONSE (RFC 9000 section 19.18): the data of a challenge, sent back on the path it came on.</summary>
/// <param name="Data">Eight bytes, as a big-endian number.</param>
internal readonly record struct PathResponseFrame(ulong Data)
{
    [SuppressMessage("Performance", "CA1822", Justification = "The same shape as every other frame.")]
    public int Length => 1 + sizeof(ulong);

    public static bool TryRead(scoped ref WireReader r, out PathResponseFrame f)
    {
        bool read = r.TryReadUInt64(out ulong data);
        f = new PathResponseFrame(data);
        return read;
    }

    public void Write(scoped ref WireWriter w)
    {
        w.WriteVarInt(FrameTypes.PathResponse);
        w.WriteUInt64(Data);
    }
}
