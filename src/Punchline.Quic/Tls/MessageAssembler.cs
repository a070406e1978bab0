namespace Punchline.Quic.Tls;

/// <summary>
/// Cuts the byte stream of CRYPTO frames into handshake messages. It takes no byte beyond the message that it is assembling,
/// so what the caller still holds when a message completes is exactly what follows that message.
/// </summary>
internal sealed class MessageAssembler
{
    /// <summary>
    /// The longest handshake message that we accept, header included, in bytes. The longest in use are a ClientHello with
    /// post-quantum key shares and a session ticket (some 4 KB); the bound keeps an unfinished handshake cheap.
    /// </summary>
    public const int MaxMessageLength = 16 * 1024;

    private const int HeaderLength = 4;
    private const int InitialCapacity = 512;

    private byte[] _buffer = new byte[InitialCapacity];
    private int _length;

    /// <summary>The whole message, with its header; valid after <see cref="TryFill"/> returned true until <see cref="Reset"/>.</summary>
    public ReadOnlySpan<byte> Message => _buffer.AsSpan(0, _length);

    /// <summary>The type of the message that is being assembled.</summary>
    public HandshakeType Type => (HandshakeType)_buffer[0];

    /// <summary>The message without its header.</summary>
    public ReadOnlySpan<byte> Body => Message[HeaderLength..];

    /// <summary>Takes bytes from the front of <paramref name="data"/> until a message is whole or the data ends.</summary>
    /// <param name="isTooLong">True if the message says that it is longer than <see cref="MaxMessageLength"/>.</param>
    /// <returns>True if a message is whole.</returns>
    public bool TryFill(ref ReadOnlySpan<byte> data, out bool isTooLong)
    {
        isTooLong = false;
        if (!TryFillTo(HeaderLength, ref data))
            return false;
        int total = HeaderLength + (_buffer[1] << 16 | _buffer[2] << 8 | _buffer[3]);
        isTooLong = total > MaxMessageLength;
        return !isTooLong && TryFillTo(total, ref data);
    }

    public void Reset() => _length = 0;

    private bool TryFillTo(int target, ref ReadOnlySpan<byte> data)
    {
        int count = Math.Min(target - _length, data.Length);
        if (count <= 0)
            return _length >= target;
        // Grows with what has arrived, never with what a header announces.
        if (_buffer.Length < _length + count)
            Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, _length + count));
        data[..count].CopyTo(_buffer.AsSpan(_length));
        data = data[count..];
        _length += count;
        return _length == target;
    }
}
