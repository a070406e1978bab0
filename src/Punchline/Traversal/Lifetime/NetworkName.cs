using Punchline.Discovery;
using Punchline.Quic;

namespace Punchline.Traversal.Lifetime;

/// <summary>
/// What tells one network from another: our addresses in it, and the block that its public address is of. Many homes have the same private
/// addresses; and a carrier's NAT may give each mapping another address of its block.
/// </summary>
internal static class NetworkName
{
    private const int BlockIPv4 = 16;
    private const int BlockIPv6 = 48;

    /// <param name="local">Our addresses.</param>
    /// <param name="seen">Where a server sees us.</param>
    public static string Of(LocalNetwork local, in UdpAddress seen)
    {
        Span<byte> block = stackalloc byte[16];
        seen.WriteAddress(block);
        block = block[..((seen.IsIPv4 ? BlockIPv4 : BlockIPv6) / 8)];
        return string.Join(' ', local.Usable.Select(static own => own.Address.ToIPAddress().ToString()).Append(Convert.ToHexString(block)));
    }
}
