using Punchline.Endpoint;
using Punchline.Invites;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Tunnel;

namespace Punchline.Hosting;

/// <summary>A friend's connection, at the host.</summary>
internal sealed class HostSession(HostCore host, PeerNode node, EndpointConnection connection, EventSink events)
    : PeerSession(node, connection, events), IHostTunnelEvents
{
    /// <summary>By which invite, or as which friend, the peer came.</summary>
    public DoorPass Pass { get; } = (DoorPass)connection.AdmissionTag!;

    /// <summary>The way through the server by which it came, or came last; null if it never has.</summary>
    public RelayPath? Relay { get; private set; } = connection.CurrentPath as RelayPath;

    /// <summary>The client's channel to the server has ended.</summary>
    public bool HasLeftServer { get; set; }

    /// <inheritdoc/>
    public override void OnEstablished()
    {
        // The invite may have ended while the handshake was on its way.
        if (!host.IsWelcome(Pass.Invite))
        {
            Close(CloseCode.InviteRevoked, "the invite has ended");
            return;
        }
        Tunnel = new HostTunnel(Node.Loop, Connection, host.Services.Find, this);
        Join(Relay?.Handle);
        host.OnJoined(this);
        if (HasHeardHello)
            Welcome();
    }

    /// <inheritdoc/>
    public override void OnStreamOpened(StreamId stream)
    {
        // A friend who comes back says HELLO before the handshake is complete. That it is no stranger has been proved by then
        // (docs/adr/0012-resumption.md), but the invite may have ended since the ticket was looked at.
        if (stream != ControlStream.Id)
            (Tunnel as HostTunnel)?.OnStreamOpened(stream);
        else if (host.IsWelcome(Pass.Invite))
            Control ??= new ControlStream(Connection, stream, Receive);
    }

    /// <inheritdoc/>
    public override void OnUnreachable()
    {
        base.OnUnreachable();
        host.OnUnreachable(this);
    }

    /// <inheritdoc/>
    public override void OnClosed(QuicError error)
    {
        host.OnLeft(this);
        (Tunnel as HostTunnel)?.Dispose();
        base.OnClosed(error);
    }

    /// <summary>Hands the friend a secret of their own.</summary>
    public void Give(InviteId id, byte[] secret) => Control?.Send(new FriendSecret(id, secret));

    /// <inheritdoc/>
    public void ConnectionOpened(ulong serviceId, ulong flowId) => Events.Detail($"{Peer}: connection {flowId} to {host.Services.NameOf(serviceId)}");

    /// <inheritdoc/>
    public void ConnectionClosed(ulong serviceId, ulong flowId, TunnelErrorCode code) =>
        Events.Detail($"{Peer}: connection {flowId} to {host.Services.NameOf(serviceId)} ended ({code})");

    /// <inheritdoc/>
    public void ServiceFailed(ulong serviceId, ulong flowId, ServiceErrorCode code, string detail)
    {
        if (code is ServiceErrorCode.NothingListens or ServiceErrorCode.NotReachable)
            host.Services.OnRefused(serviceId);
        Events.ProblemNowAndThen(ProblemCode.ServiceDown, $"{Peer} could not be connected to {host.Services.NameOf(serviceId)}: {detail}.");
        Control?.Send(new ServiceError(serviceId, flowId, code, TextFor(code)));
    }

    /// <inheritdoc/>
    public void FlowOpened(ulong serviceId, ulong flowId) => Events.Detail($"{Peer}: UDP flow {flowId} to {host.Services.NameOf(serviceId)}");

    /// <inheritdoc/>
    public void FlowClosed(ulong serviceId, ulong flowId, bool evicted, ulong missing) =>
        Events.Detail($"{Peer}: UDP flow {flowId} to {host.Services.NameOf(serviceId)} ended, {missing} of the friend's datagrams never came");

    /// <inheritdoc/>
    public void DatagramTooLarge(ulong serviceId, int size, int limit) => Events.Problem(ProblemCode.DatagramTooLarge,
        $"{host.Services.NameOf(serviceId)}: a datagram of {size} bytes for {Peer} was dropped: the path carries {limit} at most.");

    private protected override void OnHello(TunnelHello hello)
    {
        Control!.Send(new TunnelHello(0, ProgramVersion.Text));
        Control.Send(new TunnelServices(host.Services.Infos));
        if (IsJoined)
            Welcome();
    }

    private protected override void OnPath(NetworkPath path)
    {
        if (path is not RelayPath relay)
            return;
        // Perhaps by a new pair: then the end of the old one says nothing more.
        if (relay == Relay)
            return;
        HasLeftServer = false;
        Relay = relay;
        Meeting.AgreeOn(relay.Handle);
    }

    // What a verified friend is told beside: after HELLO, and not before the handshake is complete.
    private void Welcome()
    {
        TellNetwork();
        if (!Pass.IsFriend)
            host.GiveSecret(this);
    }

    private protected override void OnMessage(TunnelMessage message)
    {
        // A friend has nothing to say that a host would act on.
    }

    // The friend need not know the host's addresses.
    private static string TextFor(ServiceErrorCode code) => code switch
    {
        ServiceErrorCode.NothingListens => "nothing listens there at the host: is the program running?",
        ServiceErrorCode.NotReachable => "the host cannot reach it",
        ServiceErrorCode.NoSuchService => "the host shares no such service",
        _ => "too many connections at once",
    };
}
