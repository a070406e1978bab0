using System.Globalization;

namespace Punchline.Quic;

/// <summary>
/// A stream's id (RFC 9000 section 2.1): the lowest bit says who opened it (0 client, 1 server),
/// the next one its directions (0 bidirectional, 1 unidirectional), the rest is its number of that kind.
/// </summary>
/// <param name="Value">0 to 2^62-1.</param>
public readonly record struct StreamId(ulong Value)
{
    /// <summary>True if the client opened the stream.</summary>
    public bool IsClientInitiated => (Value & 1) == 0;

    /// <summary>True if both sides may send.</summary>
    public bool IsBidirectional => (Value & 2) == 0;

    /// <summary>The stream's number among those of its kind, from 0.</summary>
    public ulong Ordinal => Value >> 2;

    /// <summary>The id of the stream with this number of this kind.</summary>
    public static StreamId From(bool clientInitiated, bool bidirectional, ulong ordinal) =>
        new((ordinal << 2) | (bidirectional ? 0u : 2u) | (clientInitiated ? 0u : 1u));

    /// <summary>The id in decimal.</summary>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}
