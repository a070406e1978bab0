using Punchline.Interop.Link;
using Punchline.Interop.Matrix;
using Punchline.Interop.Ours;
using Punchline.Interop.Peers;
using Punchline.Quic;

namespace Punchline.Interop.QuichePeer;

/// <summary>quiche's client at our server. It offers X25519 first, so every handshake has a HelloRetryRequest.</summary>
public sealed class ClientTests
{
    [InteropFact(Quiche.Package)]
    public async Task A_HelloRetryRequest_a_handshake_and_a_stream()
    {
        var handshake = InteropMatrix.Begin(Case.Handshake, Peer.QuicheClient);
        var retry = InteropMatrix.Begin(Case.HelloRetryRequest, Peer.QuicheClient);
        await using var scene = new Scene();
        await RunAsync(scene, seed: 51, new QuicheOptions { Bytes = Payload.Small });
        handshake.Passed($"{Quiche.Protocol}, AES-128-GCM, P-256");
        retry.Passed("it offers X25519 first, always");
    }

    [InteropFact(Quiche.Package)]
    public async Task A_Retry_and_the_token_that_comes_back()
    {
        var cell = InteropMatrix.Begin(Case.Retry, Peer.QuicheClient);
        await using var scene = new Scene();
        var door = new RetryFirst();
        await RunAsync(scene, seed: 52, new QuicheOptions { Bytes = Payload.Small }, door: door);
        Assert.True(door.Retries >= 1 && door.Returns >= 1);
        cell.Passed($"{door.Retries} sent, came back with the token");
    }

    [InteropFact(Quiche.Package)]
    public async Task Ten_megabytes_each_way()
    {
        var cell = InteropMatrix.Begin(Case.Transfer, Peer.QuicheClient);
        await using var scene = new Scene();
        var started = TimeProvider.System.GetTimestamp();
        await RunAsync(scene, seed: 53, new QuicheOptions { Bytes = Payload.Large });
        cell.Passed($"{TimeProvider.System.GetElapsedTime(started).TotalSeconds:0.0} s; {Faults.Usual}");
    }

    [InteropFact(Quiche.Package)]
    public async Task A_hundred_streams()
    {
        var cell = InteropMatrix.Begin(Case.ManyStreams, Peer.QuicheClient);
        await using var scene = new Scene();
        await RunAsync(scene, seed: 54, new QuicheOptions { Bytes = Payload.Small, Streams = 100 });
        cell.Passed($"100 at once, {Payload.Small:N0} bytes each way on each");
    }

    [InteropFact(Quiche.Package)]
    public async Task A_client_certificate()
    {
        var cell = InteropMatrix.Begin(Case.ClientCertificate, Peer.QuicheClient);
        await using var scene = new Scene();
        var identity = TestIdentity.Create(scene.Folder);
        await RunAsync(
            scene, seed: 55, new QuicheOptions { Bytes = Payload.Small, Key = identity.KeyFile, Cert = identity.CertificateFile },
            OurSide.Plain(Quiche.Protocol, askForCertificate: true));
        var connection = await scene.Ours!.Established;
        Assert.Equal(identity.Id, connection.PeerId.ToArray());
        cell.Passed("asked for, verified, the key is the client's");
    }

    [InteropFact(Quiche.Package)]
    public async Task Key_updates_by_our_side()
    {
        var cell = InteropMatrix.Begin(Case.KeyUpdate, Peer.QuicheClient);
        await using var scene = new Scene();
        await RunAsync(scene, seed: 57, new QuicheOptions { Bytes = Payload.Large }, whenEstablished: connection =>
            scene.Ours!.CallAsync(() => connection.Keys()!.Limits() = Inside.UpdateOften));
        Assert.True(scene.Ours!.KeyUpdates >= 3, $"{scene.Ours.KeyUpdates} key updates");
        cell.Passed($"{scene.Ours.KeyUpdates} of ours within 10 MB each way; it has no call for its own");
    }

    [InteropFact(Quiche.Package)]
    public async Task A_rebinding_NAT()
    {
        var cell = InteropMatrix.Begin(Case.Rebinding, Peer.QuicheClient);
        await using var scene = new Scene();
        await RunAsync(scene, seed: 59, new QuicheOptions { Bytes = Payload.Large }, whenEstablished: async _ =>
        {
            await Task.Delay(TimeSpan.FromMilliseconds(300)); // as ngtcp2's client waits: the transfer takes seconds
            scene.Link.Rebind();
        });
        Assert.True(scene.Link.Mappings >= 2, "the link did not rebind");
        Assert.True(scene.Ours!.PathChanges >= 1 && scene.Ours.PathsValidated >= 1, $"followed {scene.Ours.PathChanges}, validated {scene.Ours.PathsValidated}");
        cell.Passed("the link changes its port in the middle of 10 MB each way");
    }

    [InteropFact(Quiche.Package)]
    public async Task A_network_that_loses_and_reorders_a_lot()
    {
        var cell = InteropMatrix.Begin(Case.HeavyFaults, Peer.QuicheClient);
        await using var scene = new Scene();
        var started = TimeProvider.System.GetTimestamp();
        await RunAsync(scene, seed: 58, new QuicheOptions { Bytes = 1_000_000 }, faults: Faults.Heavy);
        cell.Passed($"1 MB each way in {TimeProvider.System.GetElapsedTime(started).TotalSeconds:0.0} s; {Faults.Heavy}");
    }

    [InteropFact(Quiche.Package)]
    public async Task An_idle_connection_ends_on_both_sides()
    {
        var cell = InteropMatrix.Begin(Case.IdleTimeout, Peer.QuicheClient);
        await using var scene = new Scene();
        await RunAsync(scene, seed: 59, new QuicheOptions { Bytes = Payload.Small }, OurSide.Plain(Quiche.Protocol, idleTimeout: TimeSpan.FromSeconds(2)));
        await scene.RunAsync(async () =>
        {
            var error = await scene.Ours!.Closed;
            Assert.False(error.IsRemote, error.ToString());
            var closed = await scene.Theirs!.EventAsync("closed");
            Assert.Equal("ErrorQUICConnectionIdleTimeout", closed.GetProperty("kind").GetString());
        });
        cell.Passed("2 s, silently, on both sides");
    }

    [InteropFact(Quiche.Package)]
    public async Task Application_errors_in_both_directions()
    {
        var cell = InteropMatrix.Begin(Case.ApplicationClose, Peer.QuicheClient);
        await using (var scene = new Scene())
        {
            await RunAsync(scene, seed: 60, new QuicheOptions { Bytes = Payload.Small, Close = 0x77 });
            var theirs = await scene.Ours!.Closed;
            Assert.Equal((true, true, 0x77UL, "enough"), (theirs.IsRemote, theirs.IsApplication, theirs.Code, theirs.Reason));
        }

        await using (var scene = new Scene())
        {
            await RunAsync(scene, seed: 61, new QuicheOptions { Bytes = Payload.Small });
            await scene.RunAsync(async () =>
            {
                await scene.Ours!.CloseAsync(await scene.Ours.Established, 0x1234, "enough");
                var closed = await scene.Theirs!.EventAsync("closed");
                Assert.Equal("ErrorQUICConnectionPeer", closed.GetProperty("kind").GetString());
                Assert.Equal(0x1234, closed.GetProperty("data").GetProperty("errorCode").GetInt32());
            });
        }

        cell.Passed("theirs 0x77, ours 0x1234, each with its reason");
    }

    /// <summary>Serves a client until all its streams came back to it.</summary>
    private static async Task RunAsync(
        Scene scene, ulong seed, QuicheOptions options, QuicTransportOptions? transport = null, IAdmission? door = null, Faults? faults = null,
        Func<QuicConnection, Task>? whenEstablished = null)
    {
        File.WriteAllBytes(scene.Folder["payload"], Payload.First(options.Bytes).Span);
        var runner = scene.Add(OurSide.Serve(new EchoApplication(), transport ?? OurSide.Plain(Quiche.Protocol), door));
        scene.AddLink(runner.Port, seed, faults);
        await scene.RunAsync(async () =>
        {
            scene.Add(Quiche.StartClient(options with { Port = scene.Link.Port, File = scene.Folder["payload"] }));
            var connection = await scene.Ours!.Established;
            if (whenEstablished is not null)
                await whenEstablished(connection);
            for (int i = 0; i < options.Streams; i++)
            {
                var stream = await scene.Theirs!.EventAsync("stream");
                Assert.Equal(Payload.Sha256(options.Bytes), stream.GetProperty("sha256").GetString());
            }
        });
    }
}
