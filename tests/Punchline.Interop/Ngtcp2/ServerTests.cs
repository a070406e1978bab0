using Punchline.Interop.Http3;
using Punchline.Interop.Link;
using Punchline.Interop.Matrix;
using Punchline.Interop.Ours;
using Punchline.Interop.Peers;
using Punchline.Lab.Driver;
using Punchline.Quic;
using Punchline.Quic.Wire;

namespace Punchline.Interop.Ngtcp2;

/// <summary>Our client at ngtcp2's server.</summary>
public sealed class ServerTests
{
    [InteropFact(Gtls.Server)]
    public async Task A_handshake_and_a_request()
    {
        var cell = InteropMatrix.Begin(Case.Handshake, Peer.Ngtcp2Server);
        await using var scene = new Scene();
        var connection = await ConnectAsync(scene, seed: 21, Payload.Small);
        await scene.RunAsync(() => DownloadAsync(scene, connection, Payload.Small));
        cell.Passed("h3, AES-128-GCM, P-256");
    }

    [InteropFact(Gtls.Server)]
    public async Task A_Retry()
    {
        var cell = InteropMatrix.Begin(Case.Retry, Peer.Ngtcp2Server);
        await using var scene = new Scene();
        var connection = await ConnectAsync(scene, seed: 22, Payload.Small, options: ["--validate-addr"]);
        await scene.RunAsync(() => DownloadAsync(scene, connection, Payload.Small));
        Assert.Contains(scene.Theirs!.Output.Lines.Concat(scene.Theirs.Errors.Lines), line => line.Contains("retry", StringComparison.OrdinalIgnoreCase));
        cell.Passed("--validate-addr");
    }

    [InteropFact(Gtls.Server)]
    public async Task A_version_that_nobody_speaks()
    {
        var cell = InteropMatrix.Begin(Case.VersionNegotiation, Peer.Ngtcp2Server);
        await using var scene = new Scene();
        await StartServerAsync(scene, Payload.Small);
        scene.AddLink(scene.ServerPort, seed: 23);
        await scene.RunAsync(async () =>
        {
            var answer = await VersionNegotiation.AskAsync(scene.Link.Port);
            Assert.True(VersionNegotiation.Offers(answer, QuicVersion.Version1));
        });
        cell.Passed("its answer to an unknown version, as our parser reads it, offers version 1");
    }

    [InteropFact(Gtls.Server)]
    public async Task Ten_megabytes_each_way()
    {
        var cell = InteropMatrix.Begin(Case.Transfer, Peer.Ngtcp2Server);
        await using var scene = new Scene();
        var connection = await ConnectAsync(scene, seed: 24, Payload.Large);
        var started = TimeProvider.System.GetTimestamp();
        await scene.RunAsync(() => DownloadAsync(scene, connection, Payload.Large, Payload.First(Payload.Large)));
        cell.Passed($"{TimeProvider.System.GetElapsedTime(started).TotalSeconds:0.0} s; {Faults.Usual}");
    }

    [InteropFact(Gtls.Server)]
    public async Task A_hundred_streams()
    {
        var cell = InteropMatrix.Begin(Case.ManyStreams, Peer.Ngtcp2Server);
        await using var scene = new Scene();
        var connection = await ConnectAsync(scene, seed: 25, Payload.Small);
        await scene.RunAsync(() => Task.WhenAll(Enumerable.Range(0, 100).Select(_ => DownloadAsync(scene, connection, Payload.Small))));
        cell.Passed($"100 requests at once, {Payload.Small:N0} bytes each");
    }

    [InteropFact(Gtls.Server)]
    public async Task A_client_certificate()
    {
        var cell = InteropMatrix.Begin(Case.ClientCertificate, Peer.Ngtcp2Server);
        await using var scene = new Scene();
        var connection = await ConnectAsync(scene, seed: 26, Payload.Small, options: ["--verify-client"]);
        await scene.RunAsync(() => DownloadAsync(scene, connection, Payload.Small));
        cell.Passed("--verify-client takes ours");
    }

    [InteropFact(Gtls.Server)]
    public async Task A_session_that_we_resume_with_a_request_in_0_rtt()
    {
        var cell = InteropMatrix.Begin(Case.Resumption, Peer.Ngtcp2Server);
        await using var scene = new Scene();
        await StartServerAsync(scene, Payload.Small);
        scene.AddLink(scene.ServerPort, seed: 32);
        var application = new Http3Application();
        var client = new SessionKeeper(application);
        var runner = scene.Add(new UdpRunner(client, OurSide.Plain(Gtls.Protocol)));
        await scene.RunAsync(async () =>
        {
            var first = await runner.ConnectAsync(scene.Link.Port);
            await runner.Established;
            await DownloadAsync(scene, first, Payload.Small);
            Task<MessageReader>? answer = null;
            await runner.ConnectAsync(scene.Link.Port, await client.Session, connection =>
            {
                Assert.True(connection.IsEarlyDataOpen);
                answer = application.RequestEarly(connection, "/payload", Payload.First(Payload.Small));
            });
            var message = await runner.WithinAsync(answer!, "the answer to a request in 0-RTT");
            Assert.Equal((200, Payload.Small, null), (message.Status, message.BodyBytes, message.FirstWrongByte));
            Assert.Equal([false, true], client.Resumed);
            Assert.False(client.WasRejected);
        });
        Assert.Contains(scene.Theirs!.Output.Lines.Concat(scene.Theirs.Errors.Lines), line => line.Contains("0RTT", StringComparison.Ordinal));
        cell.Passed("with a ticket of theirs, a request in 0-RTT");
    }

    [InteropFact(Gtls.Server)]
    public async Task Key_updates_by_our_side()
    {
        var cell = InteropMatrix.Begin(Case.KeyUpdate, Peer.Ngtcp2Server);
        await using var scene = new Scene();
        var connection = await ConnectAsync(scene, seed: 27, Payload.Large);
        await scene.Ours!.CallAsync(() => connection.Keys()!.Limits() = Inside.UpdateOften);
        await scene.RunAsync(() => DownloadAsync(scene, connection, Payload.Large, Payload.First(Payload.Large)));
        Assert.True(scene.Ours.KeyUpdates >= 3, $"{scene.Ours.KeyUpdates} key updates");
        cell.Passed($"{scene.Ours.KeyUpdates} of ours within 10 MB each way; it has no switch for its own");
    }

    [InteropFact(Gtls.Server)]
    public async Task A_rebinding_NAT()
    {
        var cell = InteropMatrix.Begin(Case.Rebinding, Peer.Ngtcp2Server);
        await using var scene = new Scene();
        var connection = await ConnectAsync(scene, seed: 28, Payload.Small);
        await scene.RunAsync(async () =>
        {
            // With an answer the server has confirmed the handshake, before which no address may change (RFC 9000 section 9). Then
            // an upload, because a client that only receives has nothing to say from its new port.
            await DownloadAsync(scene, connection, Payload.Small);
            var upload = DownloadAsync(scene, connection, Payload.Small, Payload.First(Payload.Large));
            scene.Link.Rebind();
            await upload;
            Assert.True(scene.Link.Mappings >= 2, "the link did not rebind");
        });
        cell.Passed("the link changes our port in the middle of 10 MB");
    }

    [InteropFact(Gtls.Server)]
    public async Task A_network_that_loses_and_reorders_a_lot()
    {
        var cell = InteropMatrix.Begin(Case.HeavyFaults, Peer.Ngtcp2Server);
        await using var scene = new Scene();
        const int Length = 1_000_000;
        var started = TimeProvider.System.GetTimestamp();
        var connection = await ConnectAsync(scene, seed: 29, Length, faults: Faults.Heavy);
        await scene.RunAsync(() => DownloadAsync(scene, connection, Length, Payload.First(Length)));
        cell.Passed($"1 MB each way in {TimeProvider.System.GetElapsedTime(started).TotalSeconds:0.0} s; {Faults.Heavy}");
    }

    [InteropFact(Gtls.Server)]
    public async Task An_idle_connection_ends_on_both_sides()
    {
        var cell = InteropMatrix.Begin(Case.IdleTimeout, Peer.Ngtcp2Server);
        await using var scene = new Scene();
        var connection = await ConnectAsync(scene, seed: 30, Payload.Small, options: ["--timeout=2s"]);
        await scene.RunAsync(async () =>
        {
            await DownloadAsync(scene, connection, Payload.Small);
            var error = await scene.Ours!.Closed;
            Assert.False(error.IsRemote, error.ToString());
        });
        cell.Passed("the server's 2 s, though ours are 30 s");
    }

    [InteropFact(Gtls.Server)]
    public async Task An_application_error()
    {
        var cell = InteropMatrix.Begin(Case.ApplicationClose, Peer.Ngtcp2Server);
        await using var scene = new Scene();
        var connection = await ConnectAsync(scene, seed: 31, Payload.Small);
        await scene.RunAsync(async () =>
        {
            await DownloadAsync(scene, connection, Payload.Small);
            await scene.Ours!.CloseAsync(connection, 0x1234, "enough");
            await scene.Theirs!.ErrorLineAsync(line => line.Contains("0x1234", StringComparison.Ordinal), "our error code");
        });
        cell.Passed("ours 0x1234 with a reason");
    }

    private static async Task StartServerAsync(Scene scene, int length, params IEnumerable<string> options)
    {
        File.WriteAllBytes(scene.Folder["payload"], Payload.First(length).Span);
        (var server, scene.ServerPort) = await Gtls.StartServerAsync(scene.Folder, TestIdentity.Create(scene.Folder), options);
        scene.Add(server);
    }

    private static async Task<QuicConnection> ConnectAsync(
        Scene scene, ulong seed, int length, Faults? faults = null, params IEnumerable<string> options)
    {
        await StartServerAsync(scene, length, options);
        scene.AddLink(scene.ServerPort, seed, faults);
        scene.Add(new UdpRunner(new Http3Application(), OurSide.Plain(Gtls.Protocol)));
        QuicConnection? connection = null;
        await scene.RunAsync(async () =>
        {
            await scene.Ours!.ConnectAsync(scene.Link.Port);
            connection = await scene.Ours.Established;
        });
        return connection!;
    }

    private static async Task DownloadAsync(Scene scene, QuicConnection connection, int length, ReadOnlyMemory<byte> body = default)
    {
        var answer = await Http3Application.RequestAsync(scene.Ours!, connection, "/payload", body, Payload.First(length));
        Assert.Equal((200, length, null), (answer.Status, answer.BodyBytes, answer.FirstWrongByte));
    }
}
