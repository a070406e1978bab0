using Punchline.Interop.Link;
using Punchline.Interop.Matrix;
using Punchline.Interop.Ours;
using Punchline.Interop.Peers;
using Punchline.Quic;
using Punchline.Quic.Wire;

namespace Punchline.Interop.QuichePeer;

/// <summary>Our client at quiche's server, which begins every handshake with a Retry.</summary>
public sealed class ServerTests
{
    [InteropFact(Quiche.Package)]
    public async Task A_Retry_a_handshake_and_a_stream()
    {
        var handshake = InteropMatrix.Begin(Case.Handshake, Peer.QuicheServer);
        var retry = InteropMatrix.Begin(Case.Retry, Peer.QuicheServer);
        await using var scene = new Scene();
        await RunAsync(scene, seed: 41, (connection, echo) => echo.ExchangeAsync(scene.Ours!, connection, Payload.First(Payload.Small)));
        handshake.Passed($"{Quiche.Protocol}, AES-128-GCM, P-256");
        retry.Passed("it begins every handshake with one");
    }

    [InteropFact(Quiche.Package)]
    public async Task A_version_that_nobody_speaks()
    {
        var cell = InteropMatrix.Begin(Case.VersionNegotiation, Peer.QuicheServer);
        await using var scene = new Scene();
        await StartServerAsync(scene, new QuicheOptions());
        scene.AddLink(scene.ServerPort, seed: 50);
        await scene.RunAsync(async () =>
        {
            var answer = await VersionNegotiation.AskAsync(scene.Link.Port);
            Assert.True(VersionNegotiation.Offers(answer, QuicVersion.Version1));
        });
        cell.Passed("its answer to an unknown version, as our parser reads it, offers version 1");
    }

    [InteropFact(Quiche.Package)]
    public async Task Ten_megabytes_each_way()
    {
        var cell = InteropMatrix.Begin(Case.Transfer, Peer.QuicheServer);
        await using var scene = new Scene();
        var started = TimeProvider.System.GetTimestamp();
        await RunAsync(scene, seed: 42, (connection, echo) => echo.ExchangeAsync(scene.Ours!, connection, Payload.First(Payload.Large)));
        cell.Passed($"{TimeProvider.System.GetElapsedTime(started).TotalSeconds:0.0} s; {Faults.Usual}");
    }

    [InteropFact(Quiche.Package)]
    public async Task A_hundred_streams()
    {
        var cell = InteropMatrix.Begin(Case.ManyStreams, Peer.QuicheServer);
        await using var scene = new Scene();
        await RunAsync(scene, seed: 43, async (connection, echo) =>
        {
            await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => echo.ExchangeAsync(scene.Ours!, connection, Payload.First(Payload.Small))));
            for (int i = 0; i < 100; i++)
                await scene.Theirs!.EventAsync("echoed");
        });
        cell.Passed($"100 at once, {Payload.Small:N0} bytes each way on each");
    }

    [InteropFact(Quiche.Package)]
    public async Task A_client_certificate()
    {
        var cell = InteropMatrix.Begin(Case.ClientCertificate, Peer.QuicheServer);
        await using var scene = new Scene();
        await RunAsync(
            scene, seed: 44, (connection, echo) => echo.ExchangeAsync(scene.Ours!, connection, Payload.First(Payload.Small)),
            options => options with { Verify = true });
        cell.Passed("it asks, and takes ours");
    }

    [InteropFact(Quiche.Package)]
    public async Task Key_updates_by_our_side()
    {
        var cell = InteropMatrix.Begin(Case.KeyUpdate, Peer.QuicheServer);
        await using var scene = new Scene();
        await RunAsync(scene, seed: 45, async (connection, echo) =>
        {
            await scene.Ours!.CallAsync(() => connection.Keys()!.Limits() = Inside.UpdateOften);
            await echo.ExchangeAsync(scene.Ours, connection, Payload.First(Payload.Large));
            Assert.True(scene.Ours.KeyUpdates >= 3, $"{scene.Ours.KeyUpdates} key updates");
        });
        cell.Passed($"{scene.Ours!.KeyUpdates} of ours within 10 MB each way; it has no call for its own");
    }

    [InteropFact(Quiche.Package)]
    public async Task A_rebinding_NAT()
    {
        var cell = InteropMatrix.Begin(Case.Rebinding, Peer.QuicheServer);
        await using var scene = new Scene();
        await RunAsync(scene, seed: 49, async (connection, echo) =>
        {
            // Between two streams: what quiche has on its way to the old address it never sends again (docs/interop.md).
            await echo.ExchangeAsync(scene.Ours!, connection, Payload.First(Payload.Small));
            await scene.Theirs!.EventAsync("echoed");
            scene.Link.Rebind();
            await echo.ExchangeAsync(scene.Ours!, connection, Payload.First(Payload.Large));
            Assert.True(scene.Link.Mappings >= 2, "the link did not rebind");
        });
        cell.Passed("the link changes our port before 10 MB each way");
    }

    [InteropFact(Quiche.Package)]
    public async Task A_network_that_loses_and_reorders_a_lot()
    {
        var cell = InteropMatrix.Begin(Case.HeavyFaults, Peer.QuicheServer);
        await using var scene = new Scene();
        var started = TimeProvider.System.GetTimestamp();
        await RunAsync(
            scene, seed: 46, (connection, echo) => echo.ExchangeAsync(scene.Ours!, connection, Payload.First(1_000_000)), faults: Faults.Heavy);
        cell.Passed($"1 MB each way in {TimeProvider.System.GetElapsedTime(started).TotalSeconds:0.0} s; {Faults.Heavy}");
    }

    [InteropFact(Quiche.Package)]
    public async Task An_idle_connection_ends_on_both_sides()
    {
        var cell = InteropMatrix.Begin(Case.IdleTimeout, Peer.QuicheServer);
        await using var scene = new Scene();
        await RunAsync(
            scene, seed: 47,
            async (connection, echo) =>
            {
                await echo.ExchangeAsync(scene.Ours!, connection, Payload.First(Payload.Small));
                var error = await scene.Ours!.Closed;
                Assert.False(error.IsRemote, error.ToString());
                var closed = await scene.Theirs!.EventAsync("closed");
                Assert.Equal("ErrorQUICConnectionIdleTimeout", closed.GetProperty("kind").GetString());
            },
            options => options with { Idle = 2_000 });
        cell.Passed("the server's 2 s, though ours are 30 s");
    }

    [InteropFact(Quiche.Package)]
    public async Task An_application_error()
    {
        var cell = InteropMatrix.Begin(Case.ApplicationClose, Peer.QuicheServer);
        await using var scene = new Scene();
        await RunAsync(scene, seed: 48, async (connection, echo) =>
        {
            await echo.ExchangeAsync(scene.Ours!, connection, Payload.First(Payload.Small));
            await scene.Ours!.CloseAsync(connection, 0x1234, "enough");
            var closed = await scene.Theirs!.EventAsync("closed");
            Assert.Equal("ErrorQUICConnectionPeer", closed.GetProperty("kind").GetString());
            Assert.Equal(0x1234, closed.GetProperty("data").GetProperty("errorCode").GetInt32());
        });
        cell.Passed("ours 0x1234 with a reason");
    }

    private static async Task RunAsync(
        Scene scene, ulong seed, Func<QuicConnection, EchoApplication, Task> body, Func<QuicheOptions, QuicheOptions>? change = null, Faults? faults = null)
    {
        await StartServerAsync(scene, change?.Invoke(new QuicheOptions()) ?? new QuicheOptions());
        scene.AddLink(scene.ServerPort, seed, faults);
        var echo = new EchoApplication();
        scene.Add(new UdpRunner(echo, OurSide.Plain(Quiche.Protocol)));
        await scene.RunAsync(async () =>
        {
            await scene.Ours!.ConnectAsync(scene.Link.Port);
            await body(await scene.Ours.Established, echo);
        });
    }

    private static async Task StartServerAsync(Scene scene, QuicheOptions options)
    {
        var identity = TestIdentity.Create(scene.Folder);
        (var server, scene.ServerPort) = await Quiche.StartServerAsync(options with { Key = identity.KeyFile, Cert = identity.CertificateFile });
        scene.Add(server);
    }
}
