using Punchline.Endpoint;
using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.Hosting;

/// <summary>The servers in use, as far as our sockets go. Driver thread only.</summary>
internal sealed class UdpServers(IDriver driver)
{
    /// <summary>Between two times that the servers are asked because a peer's path failed: what one question does not mend, a second does not at once.</summary>
    private static readonly TimeSpan LeastBetweenQuestions = TimeSpan.FromSeconds(5);

    private readonly List<ServerUdp> _servers = [];
    private Instant? _toldAt;

    /// <summary>A server that answers us over UDP and IPv4, and from which socket; null if there is none.</summary>
    public (IUdpSocket Socket, UdpAddress Server)? Way => _servers.Select(server => server.Way).FirstOrDefault(way => way is { Server.IsIPv4: true });

    /// <summary>Another server is used.</summary>
    public void Add(ServerUdp server) => _servers.Add(server);

    /// <summary>It is used no more.</summary>
    public void Remove(ServerUdp server) => _servers.Remove(server);

    /// <summary>The machine's network changed, or it slept: each is asked anew.</summary>
    public void TellAll()
    {
        _toldAt = driver.Now;
        foreach (ServerUdp server in _servers.ToArray())
            server.OnNetworkChanged();
    }

    /// <summary>
    /// A way that worked does no more: our NAT may have forgotten us, or have another address, which nothing on this machine tells. The servers
    /// forward nothing from an address that they do not know, so they are told now and not at their next turn.
    /// </summary>
    /// <returns>False if they were asked just now.</returns>
    public bool AskWhereWeAre()
    {
        // A friend whose path flaps must not keep every server busy.
        if (driver.Now - _toldAt < LeastBetweenQuestions)
            return false;
        _toldAt = driver.Now;
        foreach (ServerUdp server in _servers.ToArray())
            server.OnDoubt();
        return true;
    }

    /// <summary>Has every server see us at another socket; each one's binding tells when it does.</summary>
    public void Move(IUdpSocket from, IUdpSocket to)
    {
        foreach (ServerUdp server in _servers.ToArray())
            server.MoveTo(from, to);
    }

    /// <summary>One of two sockets will be gone: every server that sees us there sees us at the other one.</summary>
    public void Stay(IUdpSocket stays, IUdpSocket goes)
    {
        foreach (ServerUdp server in _servers.ToArray())
            server.StayAt(stays, goes);
    }

    /// <summary>A main socket was replaced.</summary>
    public void OnReplaced(IUdpSocket old)
    {
        foreach (ServerUdp server in _servers.ToArray())
            server.OnReplaced(old);
    }
}
