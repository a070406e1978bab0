using Punchline.Quic;
using Punchline.Quic.Tls;
using Punchline.Testing;

namespace Punchline.Fuzz.Connections;

/// <summary>
/// One TLS handshake between a client and a server that both verify each other, from fixed seeds: what each side sends follows from what it
/// receives, so the recorded bytes lead a session through all its states again.
/// </summary>
internal sealed class RecordedHandshake
{
    private const string Protocol = "punchline/1";

    private static readonly RememberingSigner ClientSigner = new("client");
    private static readonly RememberingSigner ServerSigner = new("server");

    private RecordedHandshake()
    {
        using TlsSession client = NewSession(isClient: true);
        using TlsSession server = NewSession(isClient: false);
        client.Start();
        bool any;
        do
            any = Carry(client, server, ToServer) | Carry(server, client, ToClient);
        while (any);
        if (!client.IsComplete || !server.IsComplete)
            throw new InvalidOperationException("The handshake to be recorded failed.");
    }

    /// <summary>The one handshake.</summary>
    public static RecordedHandshake Instance { get; } = new();

    /// <summary>What the server reads, in order.</summary>
    public List<(EncryptionLevel Level, byte[] Bytes)> ToServer { get; } = [];

    /// <summary>What the client reads, in order.</summary>
    public List<(EncryptionLevel Level, byte[] Bytes)> ToClient { get; } = [];

    /// <summary>All messages of both sides, each with its header of four bytes.</summary>
    public IEnumerable<byte[]> Messages => ToServer.Concat(ToClient).SelectMany(static flight => Split(flight.Bytes));

    /// <summary>A session as it was recorded.</summary>
    public static TlsSession NewSession(bool isClient)
    {
        var random = new SeededRandomness(isClient ? 1UL : 2UL);
        return new TlsSession(new TlsOptions
        {
            IsClient = isClient,
            Randomness = random,
            KeyExchanges = [new P256KeyExchange(random)],
            Signer = isClient ? ClientSigner : ServerSigner,
            ApplicationProtocol = Protocol,
            TransportParameters = new byte[] { 1, 1, 0 },
            ExpectedPeerId = SimulatedIdentities.IdOf(isClient ? "server" : "client"),
        });
    }

    private static bool Carry(TlsSession from, TlsSession to, List<(EncryptionLevel Level, byte[] Bytes)> record)
    {
        bool any = false;
        while (from.TryTakeEvent(out TlsEvent tlsEvent))
        {
            any = true;
            if (tlsEvent.Kind != TlsEventKind.Send)
                continue;
            record.Add((tlsEvent.Level, tlsEvent.Bytes.ToArray()));
            if (to.Receive(tlsEvent.Level, tlsEvent.Bytes.Span) is { } error)
                throw new InvalidOperationException($"The handshake to be recorded failed: {error}");
        }
        return any;
    }

    private static IEnumerable<byte[]> Split(byte[] flight)
    {
        for (int at = 0; at < flight.Length;)
        {
            int length = 4 + (flight[at + 1] << 16 | flight[at + 2] << 8 | flight[at + 3]);
            yield return flight[at..(at + length)];
            at += length;
        }
    }
}
