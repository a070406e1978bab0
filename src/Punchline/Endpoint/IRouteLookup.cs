using Punchline.Quic;

namespace Punchline.Endpoint;

/// <summary>Which of our addresses the system would send from.</summary>
internal interface IRouteLookup
{
    /// <summary>Asks the routing table; sends nothing.</summary>
    /// <param name="remote">Where to.</param>
    /// <param name="source">The source address; its port means nothing.</param>
    /// <returns>False if there is no route.</returns>
    bool TryGetSource(in UdpAddress remote, out UdpAddress source);
}
