using System.Net;

namespace Punchline.Tunnel;

/// <summary>A service as the host's forwarders need it.</summary>
/// <param name="IsUdp">UDP, else TCP.</param>
/// <param name="Address">Where it listens: an <see cref="IPEndPoint"/>, or for TCP a name that is looked up for each connection.</param>
internal sealed record TunnelService(bool IsUdp, EndPoint Address);
