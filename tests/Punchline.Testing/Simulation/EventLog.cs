using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Punchline.Quic;

namespace Punchline.Testing;

/// <summary>What happened in a run, in order: the newest lines for people, and a hash over all of them to compare runs.</summary>
public sealed class EventLog
{
    private const int Kept = 100;

    private readonly Queue<string> _lines = new(Kept);
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    /// <summary>Adds a line.</summary>
    public void Add(Instant at, string line)
    {
        string text = string.Create(CultureInfo.InvariantCulture, $"{at} {line}");
        _hash.AppendData(Encoding.UTF8.GetBytes(text));
        if (_lines.Count == Kept)
            _lines.Dequeue();
        _lines.Enqueue(text);
    }

    /// <summary>A hash over all lines so far.</summary>
    public string Fingerprint => Convert.ToHexStringLower(_hash.GetCurrentHash());

    /// <summary>The newest lines.</summary>
    public string Tail => string.Join(Environment.NewLine, _lines);
}
