namespace Punchline;

/// <summary>The protocol of a shared service; the numbers are those of IP, and what is sent.</summary>
public enum ServiceProtocol
{
    /// <summary>Every connection is a stream of its own.</summary>
    Tcp = 6,

    /// <summary>Every local source address is a flow of datagrams, unreliable and unordered.</summary>
    Udp = 17,
}

/// <summary>One local port that a host shares.</summary>
/// <param name="Name">What clients call it: 1 to 63 letters, digits, '-', '_' or '.'; unique in a host.</param>
/// <param name="Protocol">tcp or udp.</param>
/// <param name="Address">An IP address, or a name that the host resolves for each connection.</param>
/// <param name="Port">1 to 65535.</param>
public sealed record ServiceSpec(string Name, ServiceProtocol Protocol, string Address, int Port);
