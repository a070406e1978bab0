using Punchline.Quic;

namespace Punchline.Traversal;

/// <summary>
/// Which method last joined us to a peer from a network of ours, to be tried first. In memory alone: at a new start both networks are examined
/// anew anyway, and a file would tell where our friends live. Driver thread only.
/// </summary>
internal sealed class WhatWorked
{
    /// <summary>Pairs of networks that are remembered; the oldest makes room.</summary>
    private const int MaxPairs = 64;

    private readonly Dictionary<(UdpAddress Ours, UdpAddress Theirs), TraversalMethod> _methods = [];
    private readonly Queue<(UdpAddress Ours, UdpAddress Theirs)> _order = new();

    /// <summary>The method, or none.</summary>
    /// <param name="ours">Our public address; its port does not matter.</param>
    /// <param name="theirs">The peer's.</param>
    public TraversalMethod Find(UdpAddress ours, UdpAddress theirs) => _methods.GetValueOrDefault(Key(ours, theirs));

    /// <summary>It worked.</summary>
    public void Remember(UdpAddress ours, UdpAddress theirs, TraversalMethod method)
    {
        (UdpAddress, UdpAddress) key = Key(ours, theirs);
        if (!_methods.ContainsKey(key))
        {
            if (_order.Count == MaxPairs)
                _methods.Remove(_order.Dequeue());
            _order.Enqueue(key);
        }
        _methods[key] = method;
    }

    private static (UdpAddress Ours, UdpAddress Theirs) Key(UdpAddress ours, UdpAddress theirs) => (ours.WithPort(0), theirs.WithPort(0));
}
