using Punchline.Quic;
using Punchline.Quic.Tls;

namespace Punchline.Fuzz.Connections;

/// <summary>
/// A TLS session of one role, fed with messages that are as authentic as plaintext can be. The input is pieces of CRYPTO data:
/// <code>Level (8), Length (16), Bytes (..)</code>
/// </summary>
internal sealed class HandshakeTarget(bool clientReads) : IFuzzTarget
{
    private const int PieceHeaderLength = 3;

    public string Name => clientReads ? "handshake-client" : "handshake-host";

    public string Reads => $"a whole TLS handshake, as the {(clientReads ? "client" : "host")} reads it";

    public int MaxLength => 4096;

    // Key share, key schedule, signature and their objects; a message is held twice.
    public AllocationBound Allocation => new(131_072, 64);

    public int TestRuns => 150;

    public IEnumerable<byte[]> Seeds()
    {
        List<(EncryptionLevel Level, byte[] Bytes)> flights = clientReads ? RecordedHandshake.Instance.ToClient : RecordedHandshake.Instance.ToServer;
        yield return [.. flights.SelectMany(static flight => Piece(flight.Level, flight.Bytes))];
        yield return [.. Piece(flights[0].Level, flights[0].Bytes)];
        if (!clientReads)
            yield break;
        // A ticket behind the handshake, and a HelloRetryRequest before it.
        byte[] ticket = [4, 0, 0, 14, 0, 0, 0x1c, 0x20, 1, 2, 3, 4, 0, 0, 1, 7, 0, 0];
        yield return [.. flights.SelectMany(static flight => Piece(flight.Level, flight.Bytes)), .. Piece(EncryptionLevel.Application, ticket)];
        yield return [.. Piece(EncryptionLevel.Initial, ServerHello.WriteRetry(P256KeyExchange.Secp256r1))];
    }

    public void Run(ReadOnlySpan<byte> input)
    {
        using TlsSession session = RecordedHandshake.NewSession(clientReads);
        if (clientReads)
            Check.That(session.Start() is null, "a client that cannot start");
        QuicError? error = null;
        while (input.Length >= PieceHeaderLength)
        {
            var level = (EncryptionLevel)(input[0] & 3);
            int length = Math.Min(input[1] << 8 | input[2], input.Length - PieceHeaderLength);
            QuicError? now = session.Receive(level, input.Slice(PieceHeaderLength, length));
            Check.That(error is null || now == error, "an error that was not final");
            error = now;
            bool isComplete = session.IsComplete;
            while (session.TryTakeEvent(out TlsEvent tlsEvent))
                Check.That(tlsEvent.Kind != TlsEventKind.Complete || isComplete, "told complete too early");
            // The peer is known by its CertificateVerify alone, and its key is the one that was expected.
            Check.That(!isComplete || session.PeerId.Span.SequenceEqual(Testing.SimulatedIdentities.IdOf(clientReads ? "server" : "client")), "a stranger was let in");
            input = input[(PieceHeaderLength + length)..];
        }
    }

    private static IEnumerable<byte> Piece(EncryptionLevel level, byte[] bytes) => [(byte)level, (byte)(bytes.Length >> 8), (byte)bytes.Length, .. bytes];
}
