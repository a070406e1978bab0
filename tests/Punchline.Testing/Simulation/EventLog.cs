using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Punchline.Quic;

namespace Punchline.Testing;

/// <summary>What happened in a run, in order: the newest lines for people, and a hash over all of them to compare runs.</summary>
public sealed class EventLog
{
    private const int Kept = 60;

    private readonly Queue<string> _lines = new(Kept);
    private readonly Queue<string> _rare = new(Kept);
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    /// <summary>
    /// False takes nothing: a run of thousands has better use for its time, and whichever fails can be run again with its log.
    /// </summary>
    public bool IsOn { get; set; } = true;

    /// <summary>Also takes every line; for looking into one run.</summary>
    public TextWriter? Mirror { get; set; }

    /// <summary>Adds a line.</summary>
    /// <param name="at">When it happened.</param>
    /// <param name="line">What happened.</param>
    /// <param name="common">True for what happens with every packet, so that the rarer things can be told apart.</param>
    public void Add(Instant at, string line, bool common = false)
    {
        if (!IsOn)
            return;
        string text = string.Create(CultureInfo.InvariantCulture, $"{at} {line}");
        _hash.AppendData(Encoding.UTF8.GetBytes(text));
        Mirror?.WriteLine(text);
        Keep(_lines, text);
        if (!common)
            Keep(_rare, text);
    }

    /// <summary>A hash over all lines so far.</summary>
    public string Fingerprint => Convert.ToHexStringLower(_hash.GetCurrentHash());

    /// <summary>The newest of the rarer lines, then the newest of all.</summary>
    public string Tail => string.Join(Environment.NewLine, [.. _rare, "--- the last of all:", .. _lines]);

    private static void Keep(Queue<string> queue, string text)
    {
        if (queue.Count == Kept)
            queue.Dequeue();
        queue.Enqueue(text);
    }
}
