namespace Punchline.Quic.Wire;

/// <summary>
/// CONNECTION_CLOSE (RFC 9000 section 19.19), of the transport (0x1c) or of the application (0x1d).
/// <code>Type (i) = 0x1c..0x1d, Error Code (i), [ Frame Type (i) ], Reason Phrase Length (i), Reason Phrase (..)</code>
/// </summary>
internal readonly ref struct ConnectionCloseFrame(bool isApplication, ulong code, ulong frameType, ReadOnlySpan<byte> reason)
{
    /// <summary>True for type 0x1d: the code is the application's, and there is no frame type.</summary>
    public bool IsApplication { get; } = isApplication;

    public ulong Code { get; } = code;

    /// <summary>The type of the frame that led to the error; 0 if unknown, and for the application.</summary>
    public ulong FrameType { get; } = isApplication ? 0 : frameType;

    /// <summary>Should be UTF-8, but nobody has checked; after reading a slice of the packet.</summary>
    public ReadOnlySpan<byte> Reason { get; } = reason;

    public int Length => HeaderLength + Reason.Length;

    private int HeaderLength =>
        1 + VarInt.Length(Code) + (IsApplication ? 0 : VarInt.Length(FrameType)) + VarInt.Length((ulong)Reason.Length);

    public static bool TryRead(scoped ref WireReader r, ulong type, out ConnectionCloseFrame f)
    {
        f = default;
        bool isApplication = type == FrameTypes.ApplicationClose;
        ulong frameType = 0;
        if (!r.TryReadVarInt(out ulong code) || (!isApplication && !r.TryReadVarInt(out frameType))
            || !r.TryReadVarInt(out ulong length) || !r.TryReadBytes(length, out ReadOnlySpan<byte> reason))
        {
            return false;
        }
        f = new ConnectionCloseFrame(isApplication, code, frameType, reason);
        return true;
    }

    public void Write(scoped ref WireWriter w)
    {
        w.WriteVarInt(IsApplication ? FrameTypes.ApplicationClose : FrameTypes.ConnectionClose);
        w.WriteVarInt(Code);
        if (!IsApplication)
            w.WriteVarInt(FrameType);
        w.WriteVarInt((ulong)Reason.Length);
        w.WriteBytes(Reason);
    }
}
