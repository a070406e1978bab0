using System.Buffers;
using System.Threading.Channels;

namespace Punchline.Diagnostics;

/// <summary>
/// Writes the files of qlog, on a thread of its own: a slow disk holds up no packet. What waits for the disk is bounded; beyond
/// that, pieces are refused, and whoever brought them counts what was in them.
/// </summary>
internal sealed class QlogOutput : IAsyncDisposable
{
    /// <summary>Bytes that may wait for the disk: a second of a fast transfer.</summary>
    public const int MaxWaiting = 8 << 20;

    private readonly Channel<Piece> _pieces = Channel.CreateUnbounded<Piece>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Dictionary<string, Stream?> _files = [];
    private readonly Action<string> _failed;
    private readonly Func<string, Stream> _create;
    private readonly Task _pump;
    private long _waiting;
    private bool _hasFailed;

    /// <summary>Some bytes of a file; without a buffer, its end.</summary>
    private readonly record struct Piece(string Path, byte[]? Buffer, int Length);

    /// <param name="failed">Told once, when a file cannot be written. From the writing thread.</param>
    /// <param name="create">Makes a file; null: on the disk, for its owner alone.</param>
    public QlogOutput(Action<string> failed, Func<string, Stream>? create = null)
    {
        _failed = failed;
        _create = create ?? DiagnosticFile.Create;
        _pump = Task.Run(PumpAsync);
    }

    /// <summary>Takes the next bytes of a file, which is made with its first ones.</summary>
    /// <param name="path">The file.</param>
    /// <param name="buffer">Rented from the shared pool; it is given back there, here if it is taken.</param>
    /// <param name="length">How many of its bytes.</param>
    /// <returns>False if too much waits: the buffer stays the caller's.</returns>
    public bool TryWrite(string path, byte[] buffer, int length)
    {
        if (Interlocked.Read(ref _waiting) + buffer.Length > MaxWaiting)
            return false;
        Interlocked.Add(ref _waiting, buffer.Length);
        return _pieces.Writer.TryWrite(new Piece(path, buffer, length));
    }

    /// <summary>A file is complete. As small as the connection that it was about, so it is never refused.</summary>
    public void Close(string path) => _pieces.Writer.TryWrite(new Piece(path, null, 0));

    /// <summary>Writes what waits, and closes all files.</summary>
    public async ValueTask DisposeAsync()
    {
        _pieces.Writer.TryComplete();
        await _pump.ConfigureAwait(false);
    }

    private async Task PumpAsync()
    {
        await foreach (Piece piece in _pieces.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            if (piece.Buffer is not { } buffer)
            {
                if (_files.Remove(piece.Path, out Stream? file))
                    Close(piece.Path, file);
                continue;
            }
            Write(piece.Path, buffer.AsSpan(0, piece.Length));
            ArrayPool<byte>.Shared.Return(buffer);
            Interlocked.Add(ref _waiting, -buffer.Length);
        }
        foreach ((string path, Stream? file) in _files)
            Close(path, file);
    }

    private void Write(string path, ReadOnlySpan<byte> bytes)
    {
        try
        {
            if (!_files.TryGetValue(path, out Stream? file))
                _files[path] = file = _create(path);
            file?.Write(bytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (_files.TryGetValue(path, out Stream? broken))
                Close(path, broken);
            _files[path] = null; // A file with a hole that nothing tells of would be worse than one that ends.
            Fail(path, e);
        }
    }

    private void Close(string path, Stream? file)
    {
        try
        {
            file?.Dispose();
        }
        catch (IOException e)
        {
            Fail(path, e);
        }
    }

    private void Fail(string path, Exception e)
    {
        if (_hasFailed)
            return;
        _hasFailed = true;
        _failed($"{path}: {e.Message}");
    }
}
