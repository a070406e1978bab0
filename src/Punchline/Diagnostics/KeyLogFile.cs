using System.Text;

namespace Punchline.Diagnostics;

/// <summary>
/// The TLS secrets of connections, a line for each, in the format of NSS (SSLKEYLOGFILE; draft-ietf-tls-keylogfile): with them
/// Wireshark reads captured traffic. Whoever has the file reads it as well.
/// </summary>
internal sealed class KeyLogFile : IDisposable
{
    private readonly FileStream _file;
    private readonly Action<string> _failed;
    private bool _hasFailed;

    /// <summary>Opens the file, or makes it; what it holds stays.</summary>
    /// <param name="path">Where.</param>
    /// <param name="failed">Told once, why no more can be written.</param>
    /// <exception cref="IOException">It cannot be opened, or others may read it.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be opened.</exception>
    public KeyLogFile(string path, Action<string> failed)
    {
        _file = DiagnosticFile.Append(path);
        _failed = failed;
    }

    /// <summary>Writes a line: label, client random and secret, the latter two in hexadecimal. At once, so that a live capture can be read.</summary>
    public void Write(string label, ReadOnlySpan<byte> clientRandom, ReadOnlySpan<byte> secret)
    {
        if (_hasFailed)
            return;
        byte[] line = Encoding.ASCII.GetBytes($"{label} {Convert.ToHexStringLower(clientRandom)} {Convert.ToHexStringLower(secret)}\n");
        try
        {
            // Another process may have written since.
            _file.Seek(0, SeekOrigin.End);
            _file.Write(line);
        }
        catch (IOException e)
        {
            // A full disk is no reason to end connections.
            _hasFailed = true;
            _failed(e.Message);
        }
    }

    public void Dispose() => _file.Dispose();
}
