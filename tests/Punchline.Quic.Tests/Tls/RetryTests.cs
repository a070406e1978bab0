using Punchline.Quic.Tls;
using Punchline.Testing;
using Xunit;
using static Punchline.Quic.Tests.Tls.TlsAssert;

namespace Punchline.Quic.Tests.Tls;

/// <summary>HelloRetryRequest in both roles (RFC 9846 sections 4.2.2, 4.2.4).</summary>
public sealed class RetryTests
{
    private const ushort OtherGroup = 0xfe01;
    private const ushort UnknownGroup = 0xfe02;

    /// <summary>P-256 under another name: a group that the other side lacks.</summary>
    private sealed class RenamedGroup(ushort group, P256KeyExchange inner) : IKeyExchange
    {
        public ushort Group => group;

        public IKeyShare CreateShare() => inner.CreateShare();

        public bool TryRespond(ReadOnlySpan<byte> clientShare, out byte[] serverShare, out byte[] sharedSecret) =>
            inner.TryRespond(clientShare, out serverShare, out sharedSecret);
    }

    private static IKeyExchange[] Groups(ulong seed, params ushort[] groups)
    {
        var p256 = new P256KeyExchange(new SeededRandomness(seed));
        return [.. groups.Select(g => g == P256KeyExchange.Secp256r1 ? (IKeyExchange)p256 : new RenamedGroup(g, p256))];
    }

    private static (TlsOptions Client, TlsOptions Server) RetryOptions() => (
        TlsPair.Options(true, 1, Groups(3, OtherGroup, P256KeyExchange.Secp256r1), expectedPeer: IdOf(TlsPair.ServerSigner)),
        TlsPair.Options(false, 2, Groups(4, P256KeyExchange.Secp256r1), expectedPeer: IdOf(TlsPair.ClientSigner)));

    private static byte[] IdOf(ISigner signer) => PeerIdentity.ComputeId(signer.PublicKeyInfo.Span);

    private static TlsPair RunRetry(Func<Carried, byte[]?> onTheWay, int chunkSize = int.MaxValue)
    {
        var (client, server) = RetryOptions();
        return new TlsPair(client, server) { OnTheWay = onTheWay, ChunkSize = chunkSize }.Run();
    }

    [Theory]
    [InlineData(int.MaxValue)]
    [InlineData(1)]
    [InlineData(50)]
    public void Server_asks_for_a_group_that_both_have(int chunkSize)
    {
        using var pair = RunRetry(carried => carried.Bytes, chunkSize);
        HandshakeTests.AssertAgreement(pair);
        Assert.True(pair.Client.UsedHelloRetryRequest);
        Assert.True(pair.Server.UsedHelloRetryRequest);
        Assert.Equal(
            [HandshakeType.ClientHello, HandshakeType.ServerHello, HandshakeType.ClientHello, HandshakeType.ServerHello],
            pair.Messages.Take(4).Select(m => m.Type));
        Assert.Equal(1, pair.ServerLog.Count(line => line.StartsWith("Parameters", StringComparison.Ordinal)));
        // Nothing but the key share differs.
        Assert.Equal(
            MessageEditor.Remove(pair.Messages[0].Bytes, ExtensionType.KeyShare),
            MessageEditor.Remove(pair.Messages[2].Bytes, ExtensionType.KeyShare));
    }

    [Fact]
    public void Server_takes_the_share_that_is_there_before_a_group_that_it_prefers()
    {
        using var pair = new TlsPair(
            TlsPair.Options(true, 1, Groups(3, P256KeyExchange.Secp256r1, OtherGroup)),
            TlsPair.Options(false, 2, Groups(4, OtherGroup, P256KeyExchange.Secp256r1))).Run();
        HandshakeTests.AssertAgreement(pair);
        Assert.False(pair.Server.UsedHelloRetryRequest);
    }

    [Fact]
    public void No_group_in_common_is_a_handshake_failure()
    {
        using var pair = new TlsPair(
            TlsPair.Options(true, 1, Groups(3, OtherGroup)), TlsPair.Options(false, 2, Groups(4, P256KeyExchange.Secp256r1))).Run();
        AssertAlert(TlsAlert.HandshakeFailure, pair.ServerError);
    }

    [Fact]
    public void Cookie_comes_back_with_the_same_key_share()
    {
        byte[] cookie = [9, 8, 7];
        using var client = new TlsSession(TlsPair.ClientOptions());
        byte[] first = StartAndTakeHello(client);
        byte[] retry = MessageEditor.Add(ServerHello.WriteRetry(0), ExtensionType.Cookie, 0, 3, 9, 8, 7);
        Assert.Null(client.Receive(EncryptionLevel.Initial, MessageEditor.Remove(retry, ExtensionType.KeyShare)));
        Assert.True(client.TryTakeEvent(out var second));
        Assert.Equal(first, MessageEditor.Remove(second.Bytes.ToArray(), ExtensionType.Cookie));
        MessageEditor.EditExtensions(second.Bytes.ToArray(), list => Assert.Equal((byte[])[0, 3, .. cookie], list[^1].Data));
    }

    [Fact]
    public void Second_request_is_out_of_order()
    {
        var (options, _) = RetryOptions();
        using var client = new TlsSession(options);
        StartAndTakeHello(client);
        Assert.Null(client.Receive(EncryptionLevel.Initial, ServerHello.WriteRetry(P256KeyExchange.Secp256r1)));
        AssertAlert(TlsAlert.UnexpectedMessage, client.Receive(EncryptionLevel.Initial, ServerHello.WriteRetry(P256KeyExchange.Secp256r1)));
    }

    [Theory]
    [InlineData(OtherGroup)]     // has a share already
    [InlineData(UnknownGroup)]   // was not offered
    public void Request_for_a_group_that_cannot_be_is_refused(ushort group)
    {
        var (options, _) = RetryOptions();
        using var client = new TlsSession(options);
        StartAndTakeHello(client);
        AssertAlert(TlsAlert.IllegalParameter, client.Receive(EncryptionLevel.Initial, ServerHello.WriteRetry(group)));
    }

    [Fact]
    public void Request_that_asks_for_nothing_is_refused()
    {
        using var client = new TlsSession(TlsPair.ClientOptions());
        StartAndTakeHello(client);
        byte[] retry = MessageEditor.Remove(ServerHello.WriteRetry(0), ExtensionType.KeyShare);
        AssertAlert(TlsAlert.IllegalParameter, client.Receive(EncryptionLevel.Initial, retry));
    }

    [Fact]
    public void Server_hello_after_a_request_must_keep_its_group()
    {
        using var pair = RunRetry(carried =>
        {
            if (carried.Index != 3)
                return carried.Bytes;
            byte[] changed = [.. carried.Bytes];
            return MessageEditor.EditExtensions(changed, list =>
            {
                int share = list.FindIndex(e => e.Type == ExtensionType.KeyShare);
                list[share] = (ExtensionType.KeyShare, [OtherGroup >> 8, OtherGroup & 0xff, .. list[share].Data.AsSpan(2)]);
            });
        });
        AssertAlert(TlsAlert.IllegalParameter, pair.ClientError);
    }

    [Fact]
    public void Second_hello_may_not_change_its_random()
    {
        using var pair = RunRetry(carried => carried.Index == 2 ? Flip(carried.Bytes, 4 + 2) : carried.Bytes);
        AssertAlert(TlsAlert.IllegalParameter, pair.ServerError);
    }

    [Fact]
    public void Second_hello_may_not_change_its_transport_parameters()
    {
        using var pair = RunRetry(carried => carried.Index == 2
            ? MessageEditor.Set(carried.Bytes, ExtensionType.QuicTransportParameters, 9) : carried.Bytes);
        AssertAlert(TlsAlert.IllegalParameter, pair.ServerError);
    }

    [Fact]
    public void Second_hello_may_not_offer_early_data()
    {
        using var pair = RunRetry(carried =>
            carried.Index == 2 ? MessageEditor.Add(carried.Bytes, ExtensionType.EarlyData) : carried.Bytes);
        AssertAlert(TlsAlert.IllegalParameter, pair.ServerError);
    }

    [Fact]
    public void Second_hello_without_the_share_that_was_asked_for_is_refused()
    {
        byte[]? first = null;
        using var pair = RunRetry(carried =>
        {
            first ??= carried.Bytes;
            return carried.Index == 2 ? first : carried.Bytes;
        });
        AssertAlert(TlsAlert.IllegalParameter, pair.ServerError);
    }

    [Fact]
    public void Second_hello_with_one_share_more_is_refused()
    {
        using var pair = RunRetry(carried => carried.Index != 2 ? carried.Bytes : MessageEditor.EditExtensions(carried.Bytes, list =>
        {
            int share = list.FindIndex(e => e.Type == ExtensionType.KeyShare);
            byte[] both = [.. list[share].Data.AsSpan(2), OtherGroup >> 8, OtherGroup & 0xff, 0, 1, 5];
            list[share] = (ExtensionType.KeyShare, MessageEditor.Vector16(both));
        }));
        AssertAlert(TlsAlert.IllegalParameter, pair.ServerError);
    }

    [Fact]
    public void Second_hello_may_change_its_padding()
    {
        // The client does not know of the padding, so its Finished cannot fit; the server's own checks let it pass.
        using var pair = RunRetry(carried =>
            carried.Index == 2 ? MessageEditor.Add(carried.Bytes, ExtensionType.Padding, 0, 0) : carried.Bytes);
        Assert.Null(pair.ServerError);
        AssertAlert(TlsAlert.DecryptError, pair.ClientError);
    }
}
