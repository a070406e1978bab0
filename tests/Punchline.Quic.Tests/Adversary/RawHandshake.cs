using Punchline.Quic.Crypto;
using Punchline.Quic.Tests.Simulation;
using Punchline.Quic.Tls;
using Punchline.Quic.Wire;
using Punchline.Testing;

namespace Punchline.Quic.Tests.Adversary;

/// <summary>
/// One side of a handshake made by hand: real TLS, packets of its own, and transport parameters of the test's choice. It goes as
/// far as the other side has read the parameters.
/// </summary>
internal sealed class RawHandshake : ILocalNetwork
{
    private static readonly UdpAddress ClientAddress = UdpAddress.FromBytes([198, 18, 0, 1], 0, 4001);
    private static readonly UdpAddress ServerAddress = UdpAddress.FromBytes([198, 18, 0, 2], 0, 4002);

    private readonly SeededRandomness _random = new(5);
    private readonly Instant _now = Instant.Zero + TimeSpan.FromSeconds(1);

    /// <summary>The hostile side's first connection id.</summary>
    internal ConnectionId OwnId { get; } = new([1, 2, 3, 4, 5, 6, 7, 8]);

    /// <inheritdoc/>
    public bool AllowsLoopback => false;

    /// <inheritdoc/>
    public bool IsOnLink(UdpAddress address) => false;

    /// <inheritdoc/>
    public bool IsOwn(UdpAddress address) => false;

    /// <summary>A client with these parameters calls a server of ours.</summary>
    /// <returns>Why the server closed.</returns>
    internal QuicError? CallServer(byte[] parameters)
    {
        var destination = new ConnectionId([9, 9, 9, 9, 9, 9, 9, 9]);
        using var tls = new TlsSession(Options(isClient: true, parameters));
        tls.Start();
        byte[] hello = TakeSent(tls, EncryptionLevel.Initial);
        byte[] datagram = Packets.Initial(destination, fromClient: true, destination, OwnId, 0, Raw.Crypto(0, hello), atLeast: 1200);
        QuicConnection connection = Endpoint("server", new AcceptAll()).Receive(_now, new SimulatedPath(PathKind.Direct, ServerAddress, ClientAddress), EcnCodepoint.NotEct, datagram)!;
        return connection.CloseError;
    }

    /// <summary>A client of ours calls a server with these parameters.</summary>
    /// <param name="parameters">Made from the destination of the client's first packet.</param>
    /// <returns>Why the client closed.</returns>
    internal QuicError? AnswerClient(Func<ConnectionId, byte[]> parameters)
    {
        QuicEndpoint endpoint = Endpoint("client", null);
        var path = new SimulatedPath(PathKind.Direct, ClientAddress, ServerAddress);
        var first = new ConnectionId([7, 7, 7, 7, 7, 7, 7, 7]);
        QuicConnection client = endpoint.Connect(_now, new QuicClientOptions { ExpectedPeerId = SimulatedIdentities.IdOf("server"), InitialDestination = first }, path);
        var buffer = new byte[2000];
        client.TryTransmit(_now, buffer, out Transmit transmit);
        ConnectionId clientsId = ReadHello(buffer.AsSpan(0, transmit.Length), first, out byte[] hello);

        using var tls = new TlsSession(Options(isClient: false, parameters(first)));
        tls.Receive(EncryptionLevel.Initial, hello);
        LevelKeys? keys = null;
        ulong number = 0;
        while (tls.TryTakeEvent(out TlsEvent item))
        {
            if (item is { Kind: TlsEventKind.Secrets, Level: EncryptionLevel.Handshake })
                keys = LevelKeys.FromSecret(item.ServerSecret.Span);
            if (item.Kind != TlsEventKind.Send)
                continue;
            byte[] flight = item.Bytes.ToArray();
            for (int at = 0; at < flight.Length; at += 1000)
            {
                byte[] frame = Raw.Crypto((ulong)at, flight[at..Math.Min(flight.Length, at + 1000)]);
                byte[] packet = item.Level == EncryptionLevel.Initial
                    ? Packets.Initial(first, fromClient: false, clientsId, OwnId, number++, frame, atLeast: 1200)
                    : Packets.Long(PacketType.Handshake, keys!, clientsId, OwnId, number++, frame);
                endpoint.Receive(_now, path, EcnCodepoint.NotEct, packet);
            }
        }
        return client.CloseError;
    }

    /// <summary>Opens the client's first packet.</summary>
    private static ConnectionId ReadHello(Span<byte> datagram, in ConnectionId first, out byte[] hello)
    {
        Span<byte> client = stackalloc byte[32];
        Span<byte> server = stackalloc byte[32];
        QuicKeyDerivation.InitialSecrets(first, client, server);
        using LevelKeys keys = LevelKeys.FromSecret(client);
        Xunit.Assert.True(PacketHeader.TryRead(datagram, 8, out PacketHeader header));
        Span<byte> packet = datagram[..header.PacketLength];
        Xunit.Assert.True(keys.Header.TryUnprotect(packet, header.PacketNumberOffset, out int numberLength));
        int headerLength = header.PacketNumberOffset + numberLength;
        Xunit.Assert.True(keys.Aead.TryOpen(packet, headerLength, 0));
        var reader = new WireReader(packet[(headerLength + 1)..]); // after the frame's type
        Xunit.Assert.True(CryptoFrame.TryRead(ref reader, out CryptoFrame crypto));
        hello = crypto.Data.ToArray();
        return header.Source;
    }

    private static byte[] TakeSent(TlsSession tls, EncryptionLevel level)
    {
        while (tls.TryTakeEvent(out TlsEvent item))
        {
            if (item.Kind == TlsEventKind.Send && item.Level == level)
                return item.Bytes.ToArray();
        }
        throw new InvalidOperationException("nothing to send");
    }

    private TlsOptions Options(bool isClient, byte[] parameters) => new()
    {
        IsClient = isClient,
        Randomness = _random,
        KeyExchanges = [new P256KeyExchange(_random)],
        Signer = SimulatedIdentities.Get(isClient ? "client" : "server"),
        ApplicationProtocol = "punchline/1",
        TransportParameters = parameters,
    };

    private QuicEndpoint Endpoint(string name, IAdmission? admission) => new(new QuicEndpointOptions
    {
        Signer = SimulatedIdentities.Get(name),
        Randomness = _random,
        KeyExchanges = [new P256KeyExchange(_random)],
        ResetKey = new byte[32],
        Network = this,
        Admission = admission,
    });
}
