using System.Text;
using Punchline.Quic.Wire;

namespace Punchline.Interop.Http3;

/// <summary>
/// The little of HTTP/3 that a request and its answer need (RFC 9114), with field sections that use QPACK's static table and plain literals
/// alone (RFC 9204): our SETTINGS leave the dynamic table at size 0, so the peer may use no other.
/// </summary>
internal static class Http3Wire
{
    /// <summary>RFC 9114 section 7.2.1.</summary>
    public const ulong Data = 0x00;

    /// <summary>RFC 9114 section 7.2.2.</summary>
    public const ulong Headers = 0x01;

    /// <summary>RFC 9114 section 7.2.4.</summary>
    public const ulong Settings = 0x04;

    /// <summary>The type of the control stream (RFC 9114 section 6.2.1).</summary>
    public const byte ControlStream = 0x00;

    /// <summary>H3_NO_ERROR (RFC 9114 section 8.1).</summary>
    public const ulong NoError = 0x0100;

    // Entries of the static table (RFC 9204 appendix A).
    private const int Authority = 0;
    private const int Path = 1;
    private const int MethodGet = 17;
    private const int MethodPost = 20;
    private const int SchemeHttps = 23;
    private const int Status200 = 25;

    private static readonly Dictionary<int, int> StatusByIndex = new()
    {
        [24] = 103, [25] = 200, [26] = 304, [27] = 404, [28] = 503, [63] = 100, [64] = 204, [65] = 206, [66] = 302, [67] = 400, [68] = 403,
        [69] = 421, [70] = 425, [71] = 500,
    };

    /// <summary>The beginning of our control stream: its type and SETTINGS without any (RFC 9114 section 6.2.1).</summary>
    public static byte[] ControlPrologue() => [ControlStream, (byte)Settings, 0];

    /// <summary>The header of a frame (RFC 9114 section 7.1).</summary>
    public static byte[] FrameHeader(ulong type, int length)
    {
        var bytes = new byte[2 * VarInt.MaxLength];
        var writer = new WireWriter(bytes);
        writer.WriteVarInt(type);
        writer.WriteVarInt((ulong)length);
        return bytes[..writer.Position];
    }

    /// <summary>A request's HEADERS frame.</summary>
    public static byte[] Request(bool hasBody, string path, string authority) => HeadersFrame(
    [
        .. Indexed(hasBody ? MethodPost : MethodGet), .. Indexed(SchemeHttps), .. Literal(Authority, authority), .. Literal(Path, path),
    ]);

    /// <summary>A HEADERS frame that says 200.</summary>
    public static byte[] Ok() => HeadersFrame(Indexed(Status200));

    /// <summary>The status of an answer's field section; 0 if it stands in no entry of the static table.</summary>
    public static int StatusOf(ReadOnlySpan<byte> fieldSection)
    {
        // RFC 9204 section 4.5.1: no entry of the dynamic table is needed. The status is the first line (RFC 9114 section 4.3).
        if (fieldSection.Length < 3 || fieldSection[0] != 0)
            return 0;
        byte line = fieldSection[2];
        if ((line & 0xc0) != 0xc0) // RFC 9204 section 4.5.2: indexed, in the static table.
            return 0;
        int index = line & 0x3f;
        if (index == 0x3f && fieldSection.Length > 3)
            index += fieldSection[3];
        return StatusByIndex.GetValueOrDefault(index);
    }

    private static byte[] HeadersFrame(byte[] lines) => [.. FrameHeader(Headers, lines.Length + 2), 0, 0, .. lines];

    /// <summary>RFC 9204 section 4.5.2, static, of an index that fits the six bits.</summary>
    private static byte[] Indexed(int index) => [(byte)(0xc0 | index)];

    /// <summary>RFC 9204 section 4.5.4, with a static name of an index that fits the four bits; the value is not Huffman-coded and short.</summary>
    private static byte[] Literal(int nameIndex, string value)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(value);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes.Length, 0x7e, nameof(value));
        return [(byte)(0x50 | nameIndex), (byte)bytes.Length, .. bytes];
    }
}
