using Punchline.Quic.Wire;

namespace Punchline.Quic.Tests.Scenarios;

/// <summary>
/// What one side may send (RFC 9000 sections 4.1 and 4.6), and what of it was used: books of the checks' own, kept from the frames in clear.
/// Two are kept of each direction: the sender's, with the limits that reached it, and the receiver's, with those that it sent.
/// </summary>
/// <param name="name">Whose book of which direction, for messages.</param>
/// <param name="isSenderClient">Who sends in this direction.</param>
internal sealed class Credit(string name, bool isSenderClient)
{
    private readonly Dictionary<ulong, ulong> _limits = [];
    private readonly Dictionary<ulong, ulong> _used = [];
    private readonly Dictionary<ulong, ulong> _finalSizes = [];
    private TransportParameters? _initial;
    private ulong _maxData;
    private ulong _usedInAll;
    private ulong _bidirectional;
    private ulong _unidirectional;

    /// <summary>The receiver's transport parameters.</summary>
    internal void Start(TransportParameters receivers)
    {
        _initial = receivers;
        _maxData = Math.Max(_maxData, receivers.InitialMaxData);
        _bidirectional = Math.Max(_bidirectional, receivers.InitialMaxStreamsBidi);
        _unidirectional = Math.Max(_unidirectional, receivers.InitialMaxStreamsUni);
    }

    internal void OnMaxData(ulong maximum) => _maxData = Math.Max(_maxData, maximum);

    internal void OnMaxStreamData(StreamId id, ulong maximum) => _limits[id.Value] = Math.Max(LimitOf(id), maximum);

    internal void OnMaxStreams(bool bidirectional, ulong maximum)
    {
        if (bidirectional)
            _bidirectional = Math.Max(_bidirectional, maximum);
        else
            _unidirectional = Math.Max(_unidirectional, maximum);
    }

    /// <summary>STREAM, or RESET_STREAM with its final size: data up to an offset counts.</summary>
    internal void OnData(StreamId id, ulong end, bool isFinal)
    {
        if (_initial is null)
            throw new ScenarioFailure("flow control", $"{name}: data on stream {id} before any limit is known");
        if (id.IsClientInitiated == isSenderClient && id.Ordinal >= (id.IsBidirectional ? _bidirectional : _unidirectional))
            throw new ScenarioFailure("stream count", $"{name}: stream {id} is one more than allowed");
        if (!id.IsBidirectional && id.IsClientInitiated != isSenderClient)
            throw new ScenarioFailure("stream count", $"{name}: stream {id} is not the sender's to send on");
        if (end > LimitOf(id))
            throw new ScenarioFailure("flow control", $"{name}: stream {id} up to {end}, its limit is {LimitOf(id)}");
        // RFC 9000 section 4.5.
        if (_finalSizes.TryGetValue(id.Value, out ulong size) && (end > size || (isFinal && end != size)))
            throw new ScenarioFailure("final size", $"{name}: stream {id} up to {end}, its final size is {size}");
        ulong before = _used.GetValueOrDefault(id.Value);
        if (isFinal && end < before)
            throw new ScenarioFailure("final size", $"{name}: stream {id} ends at {end}, it had {before}");
        if (isFinal)
            _finalSizes[id.Value] = end;
        if (end <= before)
            return;
        _used[id.Value] = end;
        _usedInAll += end - before;
        if (_usedInAll > _maxData)
            throw new ScenarioFailure("flow control", $"{name}: {_usedInAll} bytes over all streams, the limit is {_maxData}");
    }

    private ulong LimitOf(StreamId id)
    {
        if (_limits.TryGetValue(id.Value, out ulong limit))
            return limit;
        // RFC 9000 section 18.2: seen from the receiver, whose parameters they are.
        return _initial is null ? 0
            : !id.IsBidirectional ? _initial.InitialMaxStreamDataUni
            : id.IsClientInitiated == isSenderClient ? _initial.InitialMaxStreamDataBidiRemote : _initial.InitialMaxStreamDataBidiLocal;
    }
}
