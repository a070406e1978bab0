using System.Buffers;
using Punchline.Quic;

namespace Punchline.Diagnostics;

/// <summary>
/// The qlog file of one connection: gathers records and brings them to the disk by the piece. Records are JSON text sequences
/// (RFC 7464): a record separator, one JSON text, a line feed. The first is the file's header.
/// </summary>
internal sealed class QlogConnection
{
    /// <summary>
    /// A piece for the disk. Larger than any one record: the most that a datagram of 1,500 bytes can hold are frames of two
    /// bytes, of which each takes some 80 characters.
    /// </summary>
    private const int PieceLength = 96 * 1024;

    /// <summary>So long a record may wait for its piece to fill: who reads along sees a connection that does little.</summary>
    private static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(1);

    private const byte RecordSeparator = 0x1e;
    private const byte LineFeed = 0x0a;

    private readonly QlogOutput _output;
    private readonly string _path;
    private readonly byte[] _header;
    private byte[]? _piece;
    private int _length;
    private int _records;
    private Instant _begun;
    private long _untold;
    private bool _headerIsOut;

    /// <param name="output">Where pieces go.</param>
    /// <param name="path">The file.</param>
    /// <param name="header">The JSON text of the first record.</param>
    public QlogConnection(QlogOutput output, string path, byte[] header)
    {
        _output = output;
        _path = path;
        _header = header;
    }

    /// <summary>Records that found no room.</summary>
    public long LeftOut { get; private set; }

    /// <summary>Adds a record.</summary>
    public void Add(Instant now, ReadOnlySpan<byte> json)
    {
        if (_piece is not null && (!Fits(json) || now - _begun >= MaxAge))
            Flush();
        if (_piece is null)
            Begin(now);
        if (!Fits(json))
        {
            LeftOut++;
            _untold++;
            return;
        }
        Put(json);
        _records++;
    }

    /// <summary>Nothing more comes.</summary>
    public void Complete()
    {
        Flush();
        _output.Close(_path);
    }

    private bool Fits(ReadOnlySpan<byte> json) => _length + json.Length + 2 <= _piece!.Length;

    private void Begin(Instant now)
    {
        _piece = ArrayPool<byte>.Shared.Rent(PieceLength);
        _length = 0;
        _records = 0;
        _begun = now;
        if (!_headerIsOut)
            Put(_header);
        if (_untold > 0)
            Put(QlogHeader.LeftOut(now, _untold));
    }

    private void Flush()
    {
        if (_piece is not { } piece)
            return;
        _piece = null;
        if (_output.TryWrite(_path, piece, _length))
        {
            _headerIsOut = true;
            _untold = 0;
            return;
        }
        ArrayPool<byte>.Shared.Return(piece);
        LeftOut += _records;
        _untold += _records;
    }

    private void Put(ReadOnlySpan<byte> json)
    {
        Span<byte> room = _piece.AsSpan(_length);
        room[0] = RecordSeparator;
        json.CopyTo(room[1..]);
        room[json.Length + 1] = LineFeed;
        _length += json.Length + 2;
    }
}
