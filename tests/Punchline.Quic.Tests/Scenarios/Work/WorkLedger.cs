using System.Buffers.Binary;

namespace Punchline.Quic.Tests.Scenarios;

/// <summary>All work of one connection, which both sides' applications write down in.</summary>
internal sealed class WorkLedger
{
    /// <summary>Application codes of resets and stops begin here, so that none is another's by chance.</summary>
    private const ulong FirstCode = 0x1000;

    private readonly List<StreamWork> _streams = [];
    private readonly HashSet<(int Work, int Number)> _payloads = [];
    private int _opened;

    internal WorkLedger(IEnumerable<Work> works)
    {
        Works = [.. works];
        StreamsExpected = Works.Where(static work => !work.IsDatagrams).Sum(static work => work.Count);
        PayloadsToSend = Works.Where(static work => work.IsDatagrams).Sum(static work => work.Count);
    }

    internal IReadOnlyList<Work> Works { get; }

    internal int StreamsExpected { get; }

    internal int PayloadsToSend { get; private set; }

    /// <summary>DATAGRAM payloads that arrived.</summary>
    internal int PayloadsReceived => _payloads.Count;

    /// <summary>Bytes that arrived and were right.</summary>
    internal long BytesRead => _streams.Sum(static stream => (long)stream.Up.Read + (stream.Down?.Read ?? 0));

    /// <summary>True once every stream has ended at both of its ends in both directions, and every payload has left.</summary>
    internal bool IsDone => PayloadsToSend == 0 && _opened == StreamsExpected && _streams.TrueForAll(static stream => stream.IsOver);

    /// <summary>A stream of a piece of work begins.</summary>
    internal StreamWork Open(int workIndex, int number)
    {
        Work work = Works[workIndex];
        int index = _opened++;
        var header = new byte[Workload.HeaderLength];
        BinaryPrimitives.WriteInt32BigEndian(header, index);
        string name = $"work {workIndex} stream {number}";
        ulong key = ((ulong)index * 0x1_0001) + 0x5_0000_0000;
        var stream = new StreamWork(
            new FlowState(work.Up, key, FirstCode + (2 * (ulong)index), $"{name} up"),
            work.Down is null ? null : new FlowState(work.Down, ~key, FirstCode + (2 * (ulong)index) + 1, $"{name} down"),
            work.AnswersAfterEnd) { Header = header };
        _streams.Add(stream);
        return stream;
    }

    /// <summary>The stream that a header names.</summary>
    internal StreamWork Find(ReadOnlySpan<byte> header) => At(BinaryPrimitives.ReadInt32BigEndian(header));

    /// <summary>The stream whose reset or stop has this code.</summary>
    internal StreamWork FindByCode(ulong code) => At(code >= FirstCode ? (int)((code - FirstCode) / 2) : -1);

    private StreamWork At(int index) =>
        index >= 0 && index < _streams.Count ? _streams[index] : throw new ScenarioFailure("bytes", $"there is no stream {index}");

    internal void OnPayloadSent() => PayloadsToSend--;

    internal void OnPayloadReceived(int work, int number)
    {
        if (!_payloads.Add((work, number)))
            throw new ScenarioFailure("datagram", $"payload {number} of work {work} came twice");
    }

    /// <summary>What is not over, for messages.</summary>
    internal string Unfinished => string.Join(Environment.NewLine,
        _streams.Where(static stream => !stream.IsOver).Take(5).Select(static stream => $"  {stream.Up}\n  {stream.Down}")
            .Prepend($"{_opened} of {StreamsExpected} streams opened, {PayloadsToSend} payloads to send"));
}
