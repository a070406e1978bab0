namespace Punchline.Quic.Wire;

/// <summary>
/// NEW_TOKEN (RFC 9000 section 19.7): what a client may show in the Initial packet of a later connection.
/// <code>Type (i) = 0x07, Token Length (i), Token (..)</code>
/// </summary>
internal readonly ref struct NewTokenFrame
{
    /// <summary>A frame to be written.</summary>
    /// <param name="token">Not empty.</param>
    public NewTokenFrame(ReadOnlySpan<byte> token)
    {
        ArgumentOutOfRangeException.ThrowIfZero(token.Length, nameof(token));
        Token = token;
    }

    /// <summary>Never empty; after reading a slice of the packet.</summary>
    public ReadOnlySpan<byte> Token { get; }

    public int Length => 1 + VarInt.Length((ulong)Token.Length) + Token.Length;

    /// <summary>Reads the frame after its type. An empty token is FRAME_ENCODING_ERROR.</summary>
    public static bool TryRead(scoped ref WireReader r, out NewTokenFrame f)
    {
        f = default;
        if (!r.TryReadVarInt(out ulong length) || length == 0 || !r.TryReadBytes(length, out ReadOnlySpan<byte> token))
            return false;
        f = new NewTokenFrame(token);
        return true;
    }

    public void Write(scoped ref WireWriter w)
    {
        w.WriteVarInt(FrameTypes.NewToken);
        w.WriteVarInt((ulong)Token.Length);
        w.WriteBytes(Token);
    }
}
