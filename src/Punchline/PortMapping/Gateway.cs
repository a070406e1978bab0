using Punchline.Quic;

namespace Punchline.PortMapping;

/// <summary>The router on our way out, and where we stand on its link.</summary>
/// <param name="Address">Its IPv4 address; the port does not count.</param>
/// <param name="Local">Our address on that link, which is the one that mappings lead to.</param>
internal readonly record struct Gateway(UdpAddress Address, UdpAddress Local);
