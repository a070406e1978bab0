using Punchline.Quic.Tls;
using Xunit;

namespace Punchline.Quic.Tests.Tls;

/// <summary>Whole handshakes between our own client and server.</summary>
public sealed class HandshakeTests
{
    private static readonly string[] ExpectedServerLog =
    [
        "Parameters 01020304",
        "Send Initial ServerHello",
        "Secrets Handshake",
        "Send Handshake EncryptedExtensions+CertificateRequest+Certificate+CertificateVerify+Finished",
        "Secrets Application",
        "Complete",
    ];

    private static readonly string[] ExpectedClientLog =
    [
        "Send Initial ClientHello",
        "Secrets Handshake",
        "Parameters 050607",
        "Send Handshake Certificate+CertificateVerify+Finished",
        "Secrets Application",
        "Complete",
    ];

    [Fact]
    public void Mutual_handshake_completes_with_the_events_in_their_order()
    {
        var (clientOptions, serverOptions) = TlsPair.Mutual();
        using var pair = new TlsPair(clientOptions, serverOptions).Run();

        Assert.Null(pair.ClientError);
        Assert.Null(pair.ServerError);
        Assert.Equal(ExpectedClientLog, pair.ClientLog);
        Assert.Equal(ExpectedServerLog, pair.ServerLog);
        AssertAgreement(pair);
        Assert.Equal(PeerIdentity.ComputeId(TlsPair.ClientSigner.PublicKeyInfo.Span), pair.Server.PeerId.ToArray());
        Assert.Equal(PeerIdentity.ComputeId(TlsPair.ServerSigner.PublicKeyInfo.Span), pair.Client.PeerId.ToArray());
        Assert.False(pair.Client.UsedHelloRetryRequest);
        Assert.False(pair.Server.UsedHelloRetryRequest);
    }

    [Fact]
    public void Server_that_asks_for_nothing_knows_nobody()
    {
        using var pair = new TlsPair(TlsPair.ClientOptions(), TlsPair.ServerOptions()).Run();

        AssertAgreement(pair);
        Assert.True(pair.Server.PeerId.IsEmpty);
        Assert.False(pair.Client.PeerId.IsEmpty);
        Assert.DoesNotContain(pair.Messages, m => m.FromClient && m.Type == HandshakeType.Certificate);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(7)]
    [InlineData(64)]
    [InlineData(333)]
    public void Bytes_may_come_in_pieces_of_any_size(int chunkSize)
    {
        var (clientOptions, serverOptions) = TlsPair.Mutual();
        using var pair = new TlsPair(clientOptions, serverOptions) { ChunkSize = chunkSize }.Run();
        AssertAgreement(pair);
    }

    [Fact]
    public void Every_place_to_cut_a_flight_in_two_serves()
    {
        var (clientOptions, serverOptions) = TlsPair.Mutual();
        using var reference = new TlsPair(clientOptions, serverOptions).Run();
        byte[] flight =
            [.. reference.Messages.Where(m => m.Level == EncryptionLevel.Handshake && !m.FromClient).SelectMany(m => m.Bytes)];
        for (int cut = 1; cut < flight.Length; cut++)
        {
            // The client's own state up to there repeats from its seed, so only the server's flight is cut.
            var (options, _) = TlsPair.Mutual();
            using var client = new TlsSession(options);
            Assert.Null(client.Start());
            Assert.Null(client.Receive(EncryptionLevel.Initial, reference.Messages[1].Bytes));
            Assert.Null(client.Receive(EncryptionLevel.Handshake, flight.AsSpan(0, cut)));
            Assert.False(client.IsComplete);
            Assert.Null(client.Receive(EncryptionLevel.Handshake, flight.AsSpan(cut)));
            Assert.True(client.IsComplete);
        }
    }

    [Fact]
    public void One_seed_run_twice_gives_the_same_bytes()
    {
        byte[][] runs = [.. Enumerable.Range(0, 2).Select(_ =>
        {
            var (clientOptions, serverOptions) = TlsPair.Mutual(seed: 77);
            using var pair = new TlsPair(clientOptions, serverOptions).Run();
            AssertAgreement(pair);
            return pair.Messages.SelectMany(m => m.Bytes).ToArray();
        })];
        Assert.Equal(runs[0], runs[1]);
    }

    [Fact]
    public void Handshake_works_with_the_base_librarys_signatures_and_randomness()
    {
        using var clientSigner = P256Signer.Create(SystemRandomness.Instance);
        using var serverSigner = P256Signer.Create(SystemRandomness.Instance);
        P256KeyExchange[] groups = [new(SystemRandomness.Instance)];
        using var pair = new TlsPair(
            TlsPair.Options(true, 1, groups, clientSigner, expectedPeer: PeerIdentity.ComputeId(serverSigner.PublicKeyInfo.Span)),
            TlsPair.Options(false, 2, groups, serverSigner, expectedPeer: PeerIdentity.ComputeId(clientSigner.PublicKeyInfo.Span))).Run();
        AssertAgreement(pair);
    }

    [Fact]
    public void Key_log_gives_all_four_secrets_under_one_client_random()
    {
        var lines = new List<(string Label, string Random, byte[] Secret)>();
        TlsKeyLog log = (label, random, secret) => lines.Add((label, Convert.ToHexString(random), secret.ToArray()));
        using var pair = new TlsPair(
            TlsPair.Options(true, 1, keyLog: log), TlsPair.Options(false, 2, keyLog: log)).Run();
        AssertAgreement(pair);

        string[] labels =
        [
            "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0",
        ];
        Assert.Equal(8, lines.Count);
        string clientRandom = Convert.ToHexString(pair.Messages[0].Bytes.AsSpan(6, 32));
        Assert.All(lines, line => Assert.Equal(clientRandom, line.Random));
        foreach (string label in labels)
        {
            var both = lines.Where(line => line.Label == label).ToList();
            Assert.Equal(2, both.Count);
            Assert.Equal(both[0].Secret, both[1].Secret);
        }
        Assert.Equal(pair.ClientSecrets[EncryptionLevel.Application].Client, lines.First(l => l.Label == labels[2]).Secret);
    }

    [Fact]
    public void Client_hello_names_nobody_and_asks_for_no_compatibility_mode()
    {
        using var pair = new TlsPair(TlsPair.ClientOptions(), TlsPair.ServerOptions()).Run();
        byte[] hello = pair.Messages[0].Bytes;
        Assert.True(ClientHello.TryRead(hello.AsSpan(4), out var read, out _));
        Assert.Equal(0, hello[4 + 2 + 32]);
        Assert.Equal(TlsPair.ClientParameters, read.TransportParameters.ToArray());
        var extensions = new ExtensionReader(hello.AsSpan(4 + 2 + 32 + 1 + 4 + 2 + 2), ExtensionPlace.ClientHello, default);
        var types = new List<ExtensionType>();
        while (extensions.TryNext(out var type, out _))
            types.Add(type);
        Assert.Null(extensions.Error);
        Assert.DoesNotContain(ExtensionType.ServerName, types);
        Assert.Equal(7, types.Count);
    }

    [Fact]
    public void Dispose_overwrites_the_secrets_that_events_carried()
    {
        using var client = new TlsSession(TlsPair.ClientOptions());
        using var pair = new TlsPair(TlsPair.ClientOptions(), TlsPair.ServerOptions()).Run();
        Assert.Null(client.Start());
        Assert.Null(client.Receive(EncryptionLevel.Initial, pair.Messages[1].Bytes));
        ReadOnlyMemory<byte> secret = default;
        while (client.TryTakeEvent(out var tlsEvent))
        {
            if (tlsEvent.Kind == TlsEventKind.Secrets)
                secret = tlsEvent.ClientSecret;
        }
        Assert.Equal(32, secret.Length);
        Assert.True(secret.Span.ContainsAnyExcept((byte)0));
        client.Dispose();
        Assert.False(secret.Span.ContainsAnyExcept((byte)0));
    }

    internal static void AssertAgreement(TlsPair pair)
    {
        Assert.Null(pair.ClientError);
        Assert.Null(pair.ServerError);
        Assert.True(pair.Client.IsComplete);
        Assert.True(pair.Server.IsComplete);
        Assert.Equal(TlsPair.Protocol, pair.Client.NegotiatedProtocol);
        Assert.Equal(TlsPair.Protocol, pair.Server.NegotiatedProtocol);
        foreach (var level in new[] { EncryptionLevel.Handshake, EncryptionLevel.Application })
        {
            Assert.Equal(pair.ClientSecrets[level].Client, pair.ServerSecrets[level].Client);
            Assert.Equal(pair.ClientSecrets[level].Server, pair.ServerSecrets[level].Server);
            Assert.NotEqual(pair.ClientSecrets[level].Client, pair.ClientSecrets[level].Server);
        }
    }
}
