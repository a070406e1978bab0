using Punchline.Quic;

namespace Punchline.Testing;

/// <summary>
/// A client and a server whose datagrams are handed over by reference, without a network, a log or an allocation in
/// between: for measuring the core alone. Time moves by a fixed step each turn.
/// </summary>
public sealed class DirectPair : ILocalNetwork
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(1);

    private readonly QuicEndpoint _clientEndpoint;
    private readonly QuicEndpoint _serverEndpoint;
    private readonly byte[] _buffer = new byte[65_535];
    private readonly SimulatedPath _clientPath;
    private readonly SimulatedPath _serverPath;

    /// <summary>Connects the two; returns when both sides are established.</summary>
    public DirectPair()
    {
        var random = new SeededRandomness(7);
        var client = UdpAddress.FromBytes([198, 18, 0, 1], 0, 4001);
        var server = UdpAddress.FromBytes([198, 18, 0, 2], 0, 4002);
        _clientPath = new SimulatedPath(PathKind.Direct, client, server);
        _serverPath = new SimulatedPath(PathKind.Direct, server, client);
        _clientEndpoint = new QuicEndpoint(Options("client", random, null));
        _serverEndpoint = new QuicEndpoint(Options("server", random, new AcceptAll(SimulatedIdentities.IdOf("client"))));
        Span<byte> destination = stackalloc byte[20];
        random.FillPublic(destination);
        Client = _clientEndpoint.Connect(Now, new QuicClientOptions
        {
            ExpectedPeerId = SimulatedIdentities.IdOf("server"),
            InitialDestination = new ConnectionId(destination),
        }, _clientPath);
        while (Server is not { IsEstablished: true })
            Turn();
    }

    /// <summary>The virtual time.</summary>
    public Instant Now { get; private set; } = Instant.Zero + TimeSpan.FromSeconds(1);

    /// <summary>The client's side.</summary>
    public QuicConnection Client { get; }

    /// <summary>The server's side.</summary>
    public QuicConnection Server { get; private set; } = null!;

    /// <inheritdoc/>
    public bool AllowsLoopback => false;

    /// <inheritdoc/>
    public bool IsOnLink(UdpAddress address) => false;

    /// <inheritdoc/>
    public bool IsOwn(UdpAddress address) => false;

    /// <summary>Hands over what either side sends, then lets a millisecond pass.</summary>
    public void Turn()
    {
        Carry(Client, _serverEndpoint, _serverPath);
        if (Server is not null)
            Carry(Server, _clientEndpoint, _clientPath);
        Now += Step;
        if (Client.NextTimeout <= Now)
            Client.OnTimeout(Now);
        if (Server is not null && Server.NextTimeout <= Now)
            Server.OnTimeout(Now);
    }

    private void Carry(QuicConnection from, QuicEndpoint to, NetworkPath arrivesOn)
    {
        while (from.TryTransmit(Now, _buffer, out Transmit transmit))
        {
            for (int offset = 0; offset < transmit.Length; offset += transmit.SegmentSize)
            {
                int length = Math.Min(transmit.SegmentSize, transmit.Length - offset);
                QuicConnection? taken = to.Receive(Now, arrivesOn, transmit.Ect0 ? EcnCodepoint.Ect0 : EcnCodepoint.NotEct, _buffer.AsSpan(offset, length));
                if (from == Client)
                    Server ??= taken!;
            }
        }
    }

    private QuicEndpointOptions Options(string name, SeededRandomness random, IAdmission? admission) => new()
    {
        Signer = SimulatedIdentities.Get(name),
        Randomness = random,
        KeyExchanges = [new P256KeyExchange(random)],
        ResetKey = new byte[32],
        Network = this,
        Admission = admission,
    };
}
