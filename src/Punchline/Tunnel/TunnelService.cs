using System.Net;

namespace Punchline.Tunnel;

/// <summary>A service as the host's forwarders need it.</summary>
/// <param name="IsUdp">UDP, else TCP.</param>
/// <param name="Address">Where it listens.</param>
internal sealed record TunnelService(bool IsUdp, IPEndPoint Address);
