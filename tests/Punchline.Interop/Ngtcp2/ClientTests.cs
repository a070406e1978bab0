using System.Security.Cryptography;
using Punchline.Interop.Http3;
using Punchline.Interop.Link;
using Punchline.Interop.Matrix;
using Punchline.Interop.Ours;
using Punchline.Interop.Peers;
using Punchline.Quic;

namespace Punchline.Interop.Ngtcp2;

/// <summary>ngtcp2's client at our server.</summary>
public sealed class ClientTests
{
    /// <summary>Ends once all requests are answered.</summary>
    private const string UntilAnswered = "--exit-on-all-streams-close";

    [InteropFact(Gtls.Client)]
    public async Task A_handshake_and_a_request()
    {
        var cell = InteropMatrix.Begin(Case.Handshake, Peer.Ngtcp2Client);
        await using var scene = new Scene();
        var server = Serve(scene, seed: 1, Payload.Small);
        await DownloadAsync(scene, ["small"], Payload.Small);
        Assert.Equal(1, server.Requests);
        cell.Passed("h3, AES-128-GCM, P-256");
    }

    [InteropFact(Gtls.Client)]
    public async Task A_HelloRetryRequest_for_a_client_that_sends_shares_of_other_groups_first()
    {
        var cell = InteropMatrix.Begin(Case.HelloRetryRequest, Peer.Ngtcp2Client);
        await using var scene = new Scene();
        Serve(scene, seed: 2, Payload.Small);
        // GnuTLS sends shares for its first two groups of different kinds.
        await DownloadAsync(scene, ["small"], Payload.Small, "--groups=-GROUP-ALL:+GROUP-X25519:+GROUP-X448:+GROUP-SECP256R1");
        Assert.Contains(scene.Theirs!.Errors.Lines, line => line.Contains("frm rx", StringComparison.Ordinal) && line.Contains("Initial CRYPTO", StringComparison.Ordinal));
        cell.Passed("offers X25519 and X448, is asked for P-256");
    }

    [InteropFact(Gtls.Client)]
    public async Task A_Retry_and_the_token_that_comes_back()
    {
        var cell = InteropMatrix.Begin(Case.Retry, Peer.Ngtcp2Client);
        await using var scene = new Scene();
        var door = new RetryFirst();
        Serve(scene, seed: 3, Payload.Small, admission: door);
        await DownloadAsync(scene, ["small"], Payload.Small);
        Assert.True(door.Retries >= 1 && door.Returns >= 1);
        cell.Passed($"{door.Retries} sent, came back with the token");
    }

    [InteropFact(Gtls.Client)]
    public async Task Ten_megabytes_each_way()
    {
        var cell = InteropMatrix.Begin(Case.Transfer, Peer.Ngtcp2Client);
        await using var scene = new Scene();
        var server = Serve(scene, seed: 4, Payload.Large, Payload.Large);
        var time = await DownloadAsync(scene, ["large"], Payload.Large, "-m", "POST", "-d", WritePayload(scene));
        Assert.Equal((1, Payload.Large), (server.Requests, server.RequestBytes));
        cell.Passed($"{time.TotalSeconds:0.0} s; {Faults.Usual}");
    }

    [InteropFact(Gtls.Client)]
    public async Task A_version_that_we_do_not_speak()
    {
        var cell = InteropMatrix.Begin(Case.VersionNegotiation, Peer.Ngtcp2Client);
        await using var scene = new Scene();
        Serve(scene, seed: 13, Payload.Small);
        await DownloadAsync(scene, ["small"], Payload.Small, $"--version=0x{VersionNegotiation.UnknownVersion:x}", "--preferred-versions=v1");
        cell.Passed("begins with an unknown version, goes on with version 1");
    }

    [InteropFact(Gtls.Client)]
    public async Task A_hundred_streams()
    {
        var cell = InteropMatrix.Begin(Case.ManyStreams, Peer.Ngtcp2Client);
        await using var scene = new Scene();
        var server = Serve(scene, seed: 5, Payload.Small);
        await DownloadAsync(scene, Enumerable.Range(0, 100).Select(number => $"file{number}"), Payload.Small);
        Assert.Equal(100, server.Requests);
        cell.Passed($"100 requests, {Payload.Small:N0} bytes each");
    }

    [InteropFact(Gtls.Client)]
    public async Task A_client_certificate()
    {
        var cell = InteropMatrix.Begin(Case.ClientCertificate, Peer.Ngtcp2Client);
        await using var scene = new Scene();
        var identity = TestIdentity.Create(scene.Folder);
        Serve(scene, seed: 6, Payload.Small, transport: OurSide.Plain(Gtls.Protocol, askForCertificate: true));
        await DownloadAsync(scene, ["small"], Payload.Small, $"--key={identity.KeyFile}", $"--cert={identity.CertificateFile}");
        var connection = await scene.Ours!.Established;
        Assert.Equal(identity.Id, connection.PeerId.ToArray());
        cell.Passed("asked for, verified, the key is the client's");
    }

    [InteropFact(Gtls.Client)]
    public async Task A_session_that_it_resumes_with_a_ticket_of_ours()
    {
        var cell = InteropMatrix.Begin(Case.Resumption, Peer.Ngtcp2Client);
        await using var scene = new Scene();
        var server = new SessionKeeper(new Http3Application(Payload.First(Payload.Small)));
        var runner = scene.Add(OurSide.Serve(server, OurSide.Plain(Gtls.Protocol, tickets: 2)));
        scene.AddLink(runner.Port, seed: 14);
        var session = $"--session-file={scene.Folder["session"]}";
        await DownloadAsync(scene, ["small"], Payload.Small, session);
        Assert.True(File.Exists(scene.Folder["session"]), "it kept no session");
        await DownloadAsync(scene, ["small"], Payload.Small, session);
        Assert.Equal([false, true], server.Resumed);
        cell.Passed("with a ticket of ours, without 0-RTT");
    }

    [InteropFact(Gtls.Client)]
    public async Task Key_updates_by_either_side()
    {
        var cell = InteropMatrix.Begin(Case.KeyUpdate, Peer.Ngtcp2Client);
        // The client's and ours in transfers of their own: it gives the connection up if its update comes due while it still
        // follows one of ours.
        await using (var scene = new Scene())
        {
            Serve(scene, seed: 7, Payload.Large);
            await DownloadAsync(scene, ["large"], Payload.Large, "--key-update=200ms");
            Assert.Equal((0, 1), (scene.Ours!.KeyUpdates, scene.Ours.PeerKeyUpdates));
        }
        await using (var scene = new Scene())
        {
            Serve(scene, seed: 7, Payload.Large);
            var download = DownloadAsync(scene, ["large"], Payload.Large);
            var connection = await scene.Ours!.Established;
            await scene.Ours.CallAsync(() => connection.Keys()!.Limits() = Inside.UpdateOften);
            await download;
            Assert.True(scene.Ours.KeyUpdates >= 3, $"{scene.Ours.KeyUpdates} key updates of ours");
            cell.Passed($"the client's within 10 MB, and {scene.Ours.KeyUpdates} of ours within other 10 MB");
        }
    }

    [InteropFact(Gtls.Client)]
    public async Task A_rebinding_NAT()
    {
        var cell = InteropMatrix.Begin(Case.Rebinding, Peer.Ngtcp2Client);
        await using var scene = new Scene();
        var server = Serve(scene, seed: 8, Payload.Small, Payload.Large);
        // An upload: a client that only receives has nothing to say after the change, and drops what comes to its old port, so that
        // neither side could ever hear of the other's.
        await DownloadAsync(scene, ["small"], Payload.Small, "-m", "POST", "-d", WritePayload(scene), "--change-local-addr=300ms", "--nat-rebinding");
        Assert.Equal((1, Payload.Large), (server.Requests, server.RequestBytes));
        AssertMoved(scene);
        cell.Passed("in the middle of 10 MB, followed");
    }

    [InteropFact(Gtls.Client)]
    public async Task A_client_that_migrates()
    {
        var cell = InteropMatrix.Begin(Case.Migration, Peer.Ngtcp2Client);
        await using var scene = new Scene();
        Serve(scene, seed: 9, Payload.Large);
        await DownloadAsync(scene, ["large"], Payload.Large, "--change-local-addr=300ms");
        AssertMoved(scene);
        cell.Passed("in the middle of 10 MB, after the client validated the path");
    }

    [InteropFact(Gtls.Client)]
    public async Task A_network_that_loses_and_reorders_a_lot()
    {
        var cell = InteropMatrix.Begin(Case.HeavyFaults, Peer.Ngtcp2Client);
        await using var scene = new Scene();
        Serve(scene, seed: 10, 1_000_000, 1_000_000, faults: Faults.Heavy);
        var time = await DownloadAsync(scene, ["large"], 1_000_000, "-m", "POST", "-d", WritePayload(scene, 1_000_000));
        cell.Passed($"1 MB each way in {time.TotalSeconds:0.0} s; {Faults.Heavy}");
    }

    [InteropFact(Gtls.Client)]
    public async Task An_idle_connection_ends_on_both_sides()
    {
        var cell = InteropMatrix.Begin(Case.IdleTimeout, Peer.Ngtcp2Client);
        await using var scene = new Scene();
        Serve(scene, seed: 11, Payload.Small, transport: OurSide.Plain(Gtls.Protocol, idleTimeout: TimeSpan.FromSeconds(2)));
        scene.Add(Gtls.StartClient(scene.Link.Port, ["small"]));
        await scene.RunAsync(async () =>
        {
            var error = await scene.Ours!.Closed;
            Assert.False(error.IsRemote, error.ToString());
            await scene.Theirs!.ExitAsync();
        });
        cell.Passed("2 s, silently, on both sides");
    }

    [InteropFact(Gtls.Client)]
    public async Task Application_errors_in_both_directions()
    {
        var cell = InteropMatrix.Begin(Case.ApplicationClose, Peer.Ngtcp2Client);
        await using (var scene = new Scene())
        {
            Serve(scene, seed: 12, Payload.Small);
            await DownloadAsync(scene, ["small"], Payload.Small);
            var theirs = await scene.Ours!.Closed;
            Assert.Equal((true, true, Http3Wire.NoError), (theirs.IsRemote, theirs.IsApplication, theirs.Code));
        }

        await using (var scene = new Scene())
        {
            Serve(scene, seed: 13, Payload.Small);
            scene.Add(Gtls.StartClient(scene.Link.Port, ["small"]));
            await scene.RunAsync(async () =>
            {
                await scene.Ours!.CloseAsync(await scene.Ours.Established, 0x1234, "enough");
                await scene.Theirs!.ExitAsync();
                Assert.Contains(scene.Theirs.Errors.Lines, line => line.Contains("0x1234", StringComparison.Ordinal));
            });
        }

        cell.Passed("theirs 0x100 (H3_NO_ERROR), ours 0x1234 with a reason");
    }

    private static void AssertMoved(Scene scene)
    {
        Assert.True(scene.Link.Mappings >= 2, "the client did not move");
        Assert.True(scene.Ours!.PathChanges >= 1 && scene.Ours.PathsValidated >= 1, $"followed {scene.Ours.PathChanges}, validated {scene.Ours.PathsValidated}");
    }

    private static Http3Application Serve(
        Scene scene, ulong seed, int answer, int requestBody = 0, QuicTransportOptions? transport = null, IAdmission? admission = null, Faults? faults = null)
    {
        var application = new Http3Application(Payload.First(answer), Payload.First(requestBody));
        var runner = scene.Add(OurSide.Serve(application, transport ?? OurSide.Plain(Gtls.Protocol), admission));
        scene.AddLink(runner.Port, seed, faults);
        return application;
    }

    private static string WritePayload(Scene scene, int length = Payload.Large)
    {
        File.WriteAllBytes(scene.Folder["payload"], Payload.First(length).Span);
        return scene.Folder["payload"];
    }

    /// <summary>Has the client ask for each name and compares what it saved with what was served.</summary>
    private static async Task<TimeSpan> DownloadAsync(Scene scene, IEnumerable<string> names, int length, params IEnumerable<string> options)
    {
        var folder = Directory.CreateDirectory(scene.Folder["downloads"]).FullName;
        List<string> all = [.. names];
        var started = TimeProvider.System.GetTimestamp();
        scene.Add(Gtls.StartClient(scene.Link.Port, all, [UntilAnswered, $"--download={folder}", .. options]));
        await scene.RunAsync(async () =>
        {
            (await scene.Theirs!.ExitAsync()).Ok();
            foreach (var name in all)
                Assert.Equal(Payload.Sha256(length), Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(Path.Combine(folder, name)))));
        });
        return TimeProvider.System.GetElapsedTime(started);
    }
}
