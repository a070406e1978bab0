namespace Punchline.Interop.Matrix;

/// <summary>The cells that no test fills, and why.</summary>
internal static class NotOffered
{
    public static string? Why(Case which, Peer peer) => (which, peer) switch
    {
        (Case.HelloRetryRequest, Peer.Ngtcp2Server or Peer.QuicheServer) => "not possible: our client offers P-256 alone, and they take it",
        (Case.VersionNegotiation, Peer.QuicheClient) => "not offered: the package has no switch",
        (Case.Migration, Peer.Ngtcp2Server or Peer.QuicheServer) => "not possible: without `punch` our client stays where it is",
        (Case.Migration, Peer.QuicheClient) => "not offered: the package has no call",
        (Case.Resumption, Peer.QuicheClient or Peer.QuicheServer) => "not offered: the package keeps no sessions",
        _ => null,
    };
}
