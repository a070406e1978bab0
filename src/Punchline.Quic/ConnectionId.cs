using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Punchline.Quic;

/// <summary>A QUIC connection id: 0 to 20 bytes (RFC 9000 section 5.1), as a value without allocation.</summary>
public readonly struct ConnectionId : IEquatable<ConnectionId>
{
    /// <summary>The longest connection id of QUIC version 1, in bytes (RFC 9000 section 17.2).</summary>
    public const int MaxLength = 20;

    private readonly Bytes20 _bytes;
    private readonly byte _length;

    [InlineArray(MaxLength)]
    private struct Bytes20
    {
        private byte _first;
    }

    /// <summary>A connection id with these bytes.</summary>
    /// <param name="bytes">0 to 20 bytes.</param>
    public ConnectionId(ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes.Length, MaxLength, nameof(bytes));
        bytes.CopyTo(_bytes);
        _length = (byte)bytes.Length;
    }

    /// <summary>The number of bytes, 0 to 20.</summary>
    public int Length => _length;

    /// <summary>The bytes; valid as long as the variable that holds this value.</summary>
    [UnscopedRef]
    public ReadOnlySpan<byte> Span => ((ReadOnlySpan<byte>)_bytes)[.._length];

    /// <inheritdoc/>
    public bool Equals(ConnectionId other) => Span.SequenceEqual(other.Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is ConnectionId other && Equals(other);

    /// <inheritdoc/>
    /// <remarks>Seeded per process, as an attacker chooses some of the ids that we look up.</remarks>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(Span);
        return hash.ToHashCode();
    }

    /// <summary>True if the bytes are equal.</summary>
    public static bool operator ==(ConnectionId left, ConnectionId right) => left.Equals(right);

    /// <summary>True if the bytes differ.</summary>
    public static bool operator !=(ConnectionId left, ConnectionId right) => !left.Equals(right);

    /// <summary>The bytes in hexadecimal.</summary>
    public override string ToString() => Convert.ToHexStringLower(Span);
}
