using System.Collections.Concurrent;
using Punchline.Quic.Tls;
using Punchline.Testing;

namespace Punchline.Quic.Tests.Tls;

/// <summary>One handshake message on its way, seen and changed by a test.</summary>
/// <param name="FromClient">Who sent it.</param>
/// <param name="Level">At which level.</param>
/// <param name="Index">Its number among all messages of the handshake, from 0.</param>
/// <param name="Bytes">With its header.</param>
internal sealed record Carried(bool FromClient, EncryptionLevel Level, int Index, byte[] Bytes)
{
    public HandshakeType Type => (HandshakeType)Bytes[0];
}

/// <summary>A client and a server whose messages pass through the test's hands, in memory.</summary>
internal sealed class TlsPair : IDisposable
{
    public const string Protocol = "punchline/1";

    /// <summary>Identities that are made once: signing a certificate is the slow part of a test.</summary>
    public static ISigner ClientSigner { get; } = new RememberingSigner(1);

    public static ISigner ServerSigner { get; } = new RememberingSigner(2);

    public static byte[] ClientParameters { get; } = [1, 2, 3, 4];

    public static byte[] ServerParameters { get; } = [5, 6, 7];

    private readonly List<string> _clientLog = [];
    private readonly List<string> _serverLog = [];
    private int _messageCount;

    public TlsPair(TlsOptions clientOptions, TlsOptions serverOptions)
    {
        Client = new TlsSession(clientOptions);
        Server = new TlsSession(serverOptions);
    }

    public TlsSession Client { get; }

    public TlsSession Server { get; }

    public QuicError? ClientError { get; private set; }

    public QuicError? ServerError { get; private set; }

    /// <summary>The events of each side in words, in their order.</summary>
    public IReadOnlyList<string> ClientLog => _clientLog;

    public IReadOnlyList<string> ServerLog => _serverLog;

    /// <summary>All messages, in the order of sending.</summary>
    public List<Carried> Messages { get; } = [];

    public Dictionary<EncryptionLevel, (byte[] Client, byte[] Server)> ClientSecrets { get; } = [];

    public Dictionary<EncryptionLevel, (byte[] Client, byte[] Server)> ServerSecrets { get; } = [];

    /// <summary>What the client was given for later.</summary>
    public List<ResumableSession> Sessions { get; } = [];

    /// <summary>Changes a message on its way: null drops it. May return several messages' bytes at once.</summary>
    public Func<Carried, byte[]?> OnTheWay { get; init; } = static carried => carried.Bytes;

    /// <summary>The most bytes that one call of Receive is given.</summary>
    public int ChunkSize { get; init; } = int.MaxValue;

    public static TlsOptions ClientOptions(ulong seed = 10) => Options(isClient: true, seed);

    public static TlsOptions ServerOptions(ulong seed = 20) => Options(isClient: false, seed);

    public static TlsOptions Options(
        bool isClient, ulong seed, IReadOnlyList<IKeyExchange>? groups = null, ISigner? signer = null, bool hasSigner = true,
        byte[]? expectedPeer = null, bool requireClientCertificate = false, string protocol = Protocol, TlsKeyLog? keyLog = null,
        OfferedSession? offer = null, ITicketDesk? tickets = null)
    {
        var randomness = new SeededRandomness(seed);
        return new TlsOptions
        {
            IsClient = isClient,
            Randomness = randomness,
            KeyExchanges = groups ?? [new P256KeyExchange(randomness)],
            Signer = hasSigner ? signer ?? (isClient ? ClientSigner : ServerSigner) : null,
            ApplicationProtocol = protocol,
            TransportParameters = isClient ? ClientParameters : ServerParameters,
            ExpectedPeerId = expectedPeer,
            RequireClientCertificate = requireClientCertificate,
            KeyLog = keyLog,
            Offer = offer,
            Tickets = tickets,
        };
    }

    /// <summary>Both sides know each other's id.</summary>
    public static (TlsOptions Client, TlsOptions Server) Mutual(ulong seed = 10) => (
        Options(isClient: true, seed, expectedPeer: PeerIdentity.ComputeId(ServerSigner.PublicKeyInfo.Span)),
        Options(isClient: false, seed + 1, expectedPeer: PeerIdentity.ComputeId(ClientSigner.PublicKeyInfo.Span)));

    /// <summary>Starts the client and carries messages until nobody has more to say.</summary>
    public TlsPair Run()
    {
        ClientError = Client.Start();
        bool moved;
        do
            moved = Drain(fromClient: true) | Drain(fromClient: false);
        while (moved);
        return this;
    }

    public void Deliver(bool toClient, EncryptionLevel level, ReadOnlySpan<byte> bytes)
    {
        do
        {
            var chunk = bytes[..Math.Min(ChunkSize, bytes.Length)];
            bytes = bytes[chunk.Length..];
            var error = (toClient ? Client : Server).Receive(level, chunk);
            if (error is null)
                continue;
            if (toClient)
                ClientError = error;
            else
                ServerError = error;
            return;
        }
        while (!bytes.IsEmpty);
    }

    public void Dispose()
    {
        Client.Dispose();
        Server.Dispose();
    }

    /// <summary>Signs each content once: the same handshake is replayed thousands of times.</summary>
    private sealed class RememberingSigner(ulong seed) : ISigner
    {
        private readonly DeterministicSigner _signer = DeterministicSigner.Create(new SeededRandomness(seed));
        private readonly ConcurrentDictionary<string, byte[]> _signatures = new();

        public ReadOnlyMemory<byte> Certificate => _signer.Certificate;

        public ReadOnlyMemory<byte> PublicKeyInfo => _signer.PublicKeyInfo;

        public byte[] Sign(ReadOnlySpan<byte> content)
        {
            byte[] bytes = content.ToArray();
            return _signatures.GetOrAdd(Convert.ToHexString(bytes), _ => _signer.Sign(bytes));
        }
    }

    private bool Drain(bool fromClient)
    {
        bool any = false;
        var log = fromClient ? _clientLog : _serverLog;
        while ((fromClient ? Client : Server).TryTakeEvent(out var tlsEvent))
        {
            any = true;
            switch (tlsEvent.Kind)
            {
                case TlsEventKind.Send:
                    log.Add($"Send {tlsEvent.Level} {string.Join('+', Split(tlsEvent.Bytes.Span).Select(m => (HandshakeType)m[0]))}");
                    Carry(fromClient, tlsEvent);
                    break;
                case TlsEventKind.Secrets:
                    log.Add($"Secrets {tlsEvent.Level}");
                    (fromClient ? ClientSecrets : ServerSecrets)[tlsEvent.Level] =
                        (tlsEvent.ClientSecret.ToArray(), tlsEvent.ServerSecret.ToArray());
                    break;
                case TlsEventKind.PeerTransportParameters:
                    log.Add($"Parameters {Convert.ToHexString(tlsEvent.Bytes.Span)}");
                    break;
                case TlsEventKind.Ticket:
                    log.Add("Ticket");
                    Sessions.Add(tlsEvent.Session!);
                    break;
                default:
                    log.Add(tlsEvent.Kind.ToString());
                    break;
            }
        }
        return any;
    }

    private void Carry(bool fromClient, TlsEvent tlsEvent)
    {
        var delivered = new List<byte>();
        foreach (byte[] message in Split(tlsEvent.Bytes.Span))
        {
            var carried = new Carried(fromClient, tlsEvent.Level, _messageCount++, message);
            Messages.Add(carried);
            if (OnTheWay(carried) is { } bytes)
                delivered.AddRange(bytes);
        }
        Deliver(toClient: fromClient is false, tlsEvent.Level, delivered.ToArray());
    }

    public static List<byte[]> Split(ReadOnlySpan<byte> flight)
    {
        var messages = new List<byte[]>();
        while (!flight.IsEmpty)
        {
            int length = 4 + (flight[1] << 16 | flight[2] << 8 | flight[3]);
            messages.Add(flight[..length].ToArray());
            flight = flight[length..];
        }
        return messages;
    }
}
