using Punchline.Quic;
using Punchline.Testing;

namespace Punchline.Fuzz.Connections;

/// <summary>
/// A client and a host on a network without delay, in virtual time, from fixed seeds. What goes to an address that neither has is lost.
/// </summary>
internal sealed class FuzzedPair : IDisposable
{
    /// <summary>Exchanges at one instant: an acknowledgement asks for none, so two ends come to rest soon.</summary>
    private const int MaxExchanges = 200;

    /// <summary>Deadlines at one instant, or in one stretch of time: more is time that stands still.</summary>
    private const int MaxDeadlines = 10_000;

    private static readonly UdpAddress ClientAddress = UdpAddress.FromBytes([198, 18, 0, 1], 0, 4001);
    private static readonly UdpAddress HostAddress = UdpAddress.FromBytes([198, 18, 0, 2], 0, 4002);
    private static readonly RememberingSigner ClientSigner = new("client");
    private static readonly RememberingSigner HostSigner = new("host");
    private static readonly byte[] ClientId = SimulatedIdentities.IdOf("client");
    private static readonly byte[] HostId = SimulatedIdentities.IdOf("host");

    private readonly Queue<(FuzzedEnd To, UdpAddress From, byte[] Datagram)> _flying = new();

    public FuzzedPair()
    {
        Client = new FuzzedEnd(ClientAddress, ClientSigner, seed: 1, admission: null);
        Host = new FuzzedEnd(HostAddress, HostSigner, seed: 2, new AcceptAll(ClientId));
        Span<byte> destination = stackalloc byte[ConnectionId.MaxLength];
        Client.Random.FillPublic(destination);
        var options = new QuicClientOptions { ExpectedPeerId = HostId, InitialDestination = new ConnectionId(destination) };
        Client.Connection = Client.Endpoint.Connect(Now, options, Client.PathTo(HostAddress));
    }

    /// <summary>The virtual time.</summary>
    public Instant Now { get; private set; } = Instant.Zero + TimeSpan.FromSeconds(1);

    public FuzzedEnd Client { get; }

    public FuzzedEnd Host { get; }

    /// <summary>Both ends say all that they have to say now.</summary>
    public void Exchange()
    {
        bool any;
        int exchanges = 0;
        do
        {
            any = Client.Flush(Now, (to, datagram) => Fly(ClientAddress, to, datagram)) | Host.Flush(Now, (to, datagram) => Fly(HostAddress, to, datagram));
            while (_flying.TryDequeue(out var next))
                next.To.Receive(Now, next.From, next.Datagram);
            Check.That(exchanges++ < MaxExchanges, "two ends do not come to rest");
        }
        while (any);
    }

    /// <summary>A datagram of the fuzzer's making.</summary>
    /// <param name="from">The other end's address; null for one that nobody has.</param>
    public void Inject(bool toClient, bool fromElsewhere, Span<byte> datagram)
    {
        UdpAddress from = toClient ? HostAddress : ClientAddress;
        (toClient ? Client : Host).Receive(Now, fromElsewhere ? from.WithPort(5000) : from, datagram);
    }

    /// <summary>Lets time pass, deadline after deadline.</summary>
    /// <param name="most">How long at most.</param>
    /// <param name="once">Stops behind the first deadline.</param>
    public void Wait(TimeSpan most, bool once)
    {
        Instant end = Now + most;
        for (int deadlines = 0; ; deadlines++)
        {
            Check.That(deadlines < MaxDeadlines, "time stands still");
            Instant next = Instant.Min(Client.Connection?.NextTimeout ?? Instant.Never, Host.Connection?.NextTimeout ?? Instant.Never);
            if (!next.IsSet || next > end)
                break;
            Now = Instant.Max(Now, next);
            OnTimeout(Client.Connection);
            OnTimeout(Host.Connection);
            Exchange();
            if (once)
                return;
        }
        Now = end;
    }

    public void Dispose()
    {
        Client.Connection?.Dispose();
        Host.Connection?.Dispose();
    }

    private void OnTimeout(QuicConnection? connection)
    {
        if (connection is not null && connection.NextTimeout <= Now)
            connection.OnTimeout(Now);
    }

    private void Fly(UdpAddress from, UdpAddress to, byte[] datagram)
    {
        if (to == ClientAddress)
            _flying.Enqueue((Client, from, datagram));
        else if (to == HostAddress)
            _flying.Enqueue((Host, from, datagram));
    }
}
