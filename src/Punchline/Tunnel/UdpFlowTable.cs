using System.Diagnostics.CodeAnalysis;
using Punchline.Quic;

namespace Punchline.Tunnel;

/// <summary>The UDP flows of one peer, in the order of their last use: the first is the next to end, and the one that makes room.</summary>
internal sealed class UdpFlowTable(int capacity, TimeSpan idle)
{
    private readonly Dictionary<ulong, UdpFlow> _byId = [];
    private readonly Dictionary<(UdpListenerForwarder, UdpAddress), UdpFlow> _bySource = [];
    private readonly LinkedList<UdpFlow> _byUse = new();

    /// <summary>Flows now.</summary>
    public int Count => _byUse.Count;

    /// <summary>True if a new flow needs <see cref="TryTakeOldest"/> first.</summary>
    public bool IsFull => Count >= capacity;

    /// <summary>When the next flow ends if nothing more is sent.</summary>
    public Instant NextTimeout => _byUse.First is { } first ? first.Value.LastUsed + idle : Instant.Never;

    public bool TryGet(ulong flowId, [MaybeNullWhen(false)] out UdpFlow flow) => _byId.TryGetValue(flowId, out flow);

    public bool TryGet(UdpListenerForwarder listener, in UdpAddress source, [MaybeNullWhen(false)] out UdpFlow flow) =>
        _bySource.TryGetValue((listener, source), out flow);

    public void Add(UdpFlow flow, Instant now)
    {
        flow.LastUsed = now;
        _byId.Add(flow.FlowId, flow);
        if (flow.Listener is { } listener)
            _bySource.Add((listener, flow.Source), flow);
        flow.Node = _byUse.AddLast(flow);
    }

    /// <summary>A datagram goes either way.</summary>
    public void Touch(UdpFlow flow, Instant now)
    {
        flow.LastUsed = now;
        LinkedListNode<UdpFlow> node = flow.Node!;
        if (node.Next is null)
            return;
        _byUse.Remove(node);
        _byUse.AddLast(node);
    }

    /// <summary>Takes out the flow that was idle longest.</summary>
    public bool TryTakeOldest([MaybeNullWhen(false)] out UdpFlow flow)
    {
        flow = _byUse.First?.Value;
        if (flow is null)
            return false;
        Remove(flow);
        return true;
    }

    /// <summary>Takes out a flow that has been idle for too long.</summary>
    public bool TryTakeIdle(Instant now, [MaybeNullWhen(false)] out UdpFlow flow)
    {
        flow = null;
        return NextTimeout <= now && TryTakeOldest(out flow);
    }

    public void Remove(UdpFlow flow)
    {
        _byId.Remove(flow.FlowId);
        if (flow.Listener is { } listener)
            _bySource.Remove((listener, flow.Source));
        _byUse.Remove(flow.Node!);
        flow.Node = null;
    }
}
