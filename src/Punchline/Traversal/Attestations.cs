using Punchline.Quic;

namespace Punchline.Traversal;

/// <summary>
/// Where servers see the other ends of our pairs, by our handles for these (docs/wire/control.md, ATTEST). A peer cannot make us believe in another
/// address than the one at which it answered the server's cookie. Driver thread only.
/// </summary>
internal sealed class Attestations
{
    /// <summary>More pairs than a server gives a host (256); the oldest makes room.</summary>
    private const int MaxPairs = 512;

    private readonly Dictionary<ulong, UdpAddress> _addresses = [];
    private readonly Queue<ulong> _order = new();

    /// <summary>A server said something new of a pair.</summary>
    public event Action<ulong, UdpAddress>? Attested;

    /// <summary>The other end of this pair may be told where we are: it is verified. Whose channel it is, says so to its server.</summary>
    public event Action<ulong>? Agreed;

    /// <summary>The server's word on a pair.</summary>
    public void Set(ulong handle, in UdpAddress address)
    {
        if (!_addresses.ContainsKey(handle))
        {
            if (_order.Count == MaxPairs)
                _addresses.Remove(_order.Dequeue());
            _order.Enqueue(handle);
        }
        _addresses[handle] = address;
        Attested?.Invoke(handle, address);
    }

    /// <summary>What was said of a pair; none if nothing.</summary>
    public UdpAddress Of(ulong handle) => _addresses.GetValueOrDefault(handle);

    /// <summary>Agrees that the other end of a pair is told our address.</summary>
    public void Agree(ulong handle) => Agreed?.Invoke(handle);
}
