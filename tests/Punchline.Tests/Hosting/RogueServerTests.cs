using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Punchline.Hosting;
using Punchline.Invites;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Server;
using Xunit;

namespace Punchline.Tests.Hosting;

/// <summary>
/// The server that host and client trust to find each other is the attacker's. It passes everything on, so all works for them, and it
/// has every byte; it can neither read what they say, nor get in, nor take anyone's place (DESIGN decision 5 and section 3).
/// </summary>
public sealed class RogueServerTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_it_has_seen_tells_it_nothing_and_opens_nothing()
    {
        await using Rig rig = await Rig.StartAsync();
        await using var rogue = new RogueServer(TrueServer(rig));
        using var service = new Confidant();
        RunningRole host = rig.HostAt("host", rogue.Address, null, service.Spec);
        string text = await Rig.InviteOf(host);
        RunningRole client = rig.Client(text);
        await client.DirectAsync();
        await Confidant.AskAsync(await Rig.PortOf(client, Confidant.Name));

        // It has all that is said at a server, and a whole handshake.
        Assert.True(Invite.TryParse(text, out Invite? invite, out _, out _));
        Register registration = Assert.Single(rogue.Control.OfType<Register>());
        Assert.Contains(rogue.Control, message => message is Open);
        RecordedInitial initial = rogue.Initials[0];
        // …and nothing of what is secret.
        byte[][] secrets =
        [
            Encoding.ASCII.GetBytes(Confidant.Answer[..24]), Confidant.Request, Encoding.ASCII.GetBytes(Confidant.Name), invite!.Secret.ToArray(),
            await FriendSecretAsync(rig.StateOf("client"), invite.HostId), Encoding.ASCII.GetBytes($"127.0.0.1:{service.Spec.Port}"),
        ];
        foreach (byte[] bytes in rogue.Bytes)
            Assert.DoesNotContain(secrets, secret => bytes.AsSpan().IndexOf(secret) >= 0);

        IPEndPoint address = await UdpAddressAsync(rig, "host");
        using P256Signer own = P256Signer.Create(SystemRandomness.Instance);
        using var stranger = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        stranger.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        List<ulong> handles = [.. rogue.Control.OfType<PairOpened>().Select(pair => pair.Handle)];
        void Replay()
        {
            foreach (byte[] quic in rogue.ToHost)
            {
                stranger.SendTo(quic, address);
                foreach (ulong handle in handles)
                {
                    byte[] frame = [.. new byte[RelayFrame.DataHeaderLength], .. quic];
                    RelayFrame.WriteDataHeader(frame, handle);
                    stranger.SendTo(frame, address);
                    rogue.Send(frame, address);
                }
            }
        }
        Replay();
        await client.StopAsync();
        await host.Events.WaitAsync<PeerLeft>();
        // The friend is away, and nothing of theirs is in use any more. What belonged to the closed connection may get a reset, and is left out.
        foreach (RecordedInitial recorded in rogue.Initials)
            stranger.SendTo(rogue.ToHost.First(quic => RecordedInitial.Read(quic)?.Destination.AsSpan().SequenceEqual(recorded.Destination) == true), address);

        // Its own handshakes: the token where it belongs, the token elsewhere, and tokens of its own under the only keys that it was given.
        var fresh = new ConnectionId(RandomNumberGenerator.GetBytes(ConnectionId.MaxLength));
        byte[] ownId = SHA256.HashData(own.PublicKeyInfo.Span);
        RelayEntry entry = registration.Entries[0];
        RecordedInitial[] attempts =
        [
            initial,
            initial with { Destination = fresh.Span.ToArray() },
            new RecordedInitial(fresh.Span.ToArray(),
                DoorToken.Seal(entry.RelayKey.AsSpan(0, 16), entry.Id, invite.HostId.Span, fresh, registration.DoorNonce, ownId)),
            new RecordedInitial(fresh.Span.ToArray(),
                DoorToken.Seal(entry.RelayKey.AsSpan(16, 16), entry.Id, invite.HostId.Span, fresh, registration.DoorNonce, ownId)),
        ];
        var ends = new List<RogueEnd>();
        try
        {
            foreach (RecordedInitial attempt in attempts)
                ends.Add(await RogueEnd.KnockAsync(own, invite.HostId, attempt, address));
            // Each tries for seconds: until the friend's closed connection, whose id the first one uses, is long forgotten.
            foreach (RogueEnd end in ends)
                await end.InsistAsync();

            // The host has read all of that before it lets the next friend in, whose packets come to the same socket later.
            RunningRole next = rig.Client(text, "next");
            await next.DirectAsync();
            await Confidant.AskAsync(await Rig.PortOf(next, Confidant.Name));
            foreach (RogueEnd end in ends)
                Assert.Equal(0UL, await end.AnswersAsync());
            Assert.Equal(0, stranger.Available);
        }
        finally
        {
            foreach (RogueEnd end in ends)
                await end.DisposeAsync();
        }
        Assert.Equal(2, host.Events.CountOf<PeerJoined>());
        Assert.Equal(2, service.Requests);
    }

    /// <summary>
    /// The token is good, and the Initial's keys follow from what is visible: so it answers in the friend's place with a handshake of its own.
    /// With the friend's key (which it has not) the same tools get in; else the attempt would show nothing.
    /// </summary>
    [Theory]
    [InlineData("its own key")]
    [InlineData("the friend's key, shown without having it")]
    [InlineData("the friend's key")]
    public async Task An_Initial_that_it_keeps_for_itself_lets_in_the_friends_key_alone(string identity)
    {
        await using Rig rig = await Rig.StartAsync();
        await using var rogue = new RogueServer(TrueServer(rig)) { IsWithholding = true };
        using var service = new Confidant();
        RunningRole host = rig.HostAt("host", rogue.Address, null, service.Spec);
        string text = await Rig.InviteOf(host);
        Assert.True(Invite.TryParse(text, out Invite? invite, out _, out _));
        RunningRole client = rig.Client(text);
        RecordedInitial initial = await rogue.Withheld.WaitAsync(EventRecorder.Limit, Stop);
        await client.StopAsync();

        HostIdentity friend = HostIdentity.LoadOrCreate(new StateDirectory(rig.StateOf("client")), SystemRandomness.Instance);
        using P256Signer friendsSigner = P256Signer.ImportPkcs8(friend.Pkcs8.Span);
        using P256Signer own = P256Signer.Create(SystemRandomness.Instance);
        ISigner signer = identity switch
        {
            "its own key" => own,
            "the friend's key" => friendsSigner,
            _ => new BorrowedSigner(own, friend.PublicKeyInfo),
        };
        await using RogueEnd rogueEnd = await RogueEnd.KnockAsync(signer, invite!.HostId, initial, await UdpAddressAsync(rig, "host"));
        if (signer == friendsSigner)
        {
            await rogueEnd.Heard.Answered.WaitAsync(EventRecorder.Limit, Stop);
            await host.Events.WaitAsync<PeerJoined>();
            return;
        }
        QuicError end = await rogueEnd.Heard.Ended.WaitAsync(EventRecorder.Limit, Stop);
        Assert.True(end.IsRemote && !end.IsApplication && end.Code is >= 0x100 and < 0x200, $"{end}");
        Assert.Empty(rogueEnd.Heard.Gained);

        // Nor has it spoilt anything: the next friend comes in, and is the first.
        rogue.IsWithholding = false;
        RunningRole next = rig.Client(text, "next");
        await next.DirectAsync();
        await Confidant.AskAsync(await Rig.PortOf(next, Confidant.Name));
        Assert.Equal(1, service.Requests);
        Assert.Equal(1, host.Events.CountOf<PeerJoined>());
    }

    /// <summary>The invite names the host's key: another host, and one that shows the right key without having it, are refused before a byte is said.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_host_of_its_own_is_refused_by_the_client(bool showsTheTrueKey)
    {
        await using Rig rig = await Rig.StartAsync();
        await using var rogue = new RogueServer(TrueServer(rig));
        using var service = new Confidant();
        RunningRole host = rig.HostAt("host", rogue.Address, null, service.Spec);
        string text = await Rig.InviteOf(host);
        using P256Signer own = P256Signer.Create(SystemRandomness.Instance);
        byte[] trueKey = Assert.Single(rogue.Control.OfType<Register>()).PublicKey;
        await using RogueEnd rogueHost = RogueEnd.Host(showsTheTrueKey ? new BorrowedSigner(own, trueKey) : own);
        rogue.Swap = rogueHost.Address;

        RunningRole client = rig.Client(text);
        IPEndPoint port = (await client.Events.WaitAsync<Listening>()).Address;
        using var local = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await local.ConnectAsync(port, Stop);
        await local.SendAsync(Confidant.Request, Stop);
        QuicError end = await rogueHost.Heard.Ended.WaitAsync(EventRecorder.Limit, Stop);
        Assert.True(end.IsRemote && !end.IsApplication && end.Code is >= 0x100 and < 0x200, $"{end}");
        Assert.Empty(rogueHost.Heard.Gained);
        await client.Events.WaitAsync<Problem>(problem => problem.Code == ProblemCode.HostOffline && problem.Message.Contains("TLS", StringComparison.Ordinal));
        Assert.False(client.Events.Has<PeerJoined>());

        // The client has not given up on its true host.
        rogue.Swap = null;
        await client.DirectAsync();
        Assert.Equal(1, host.Events.CountOf<PeerJoined>());
    }

    /// <summary>
    /// A host dials the rogue as its server, and the rogue passes the challenge of a true server on to it, to stand there in its name: as the host
    /// answered, under the true server's name, or as itself with the host's proof of the password.
    /// </summary>
    [Theory]
    [InlineData("as it came", null, "name")]
    [InlineData("renamed", null, "signature")]
    [InlineData("as itself", "hunter2", "password")]
    public async Task A_challenge_passed_on_registers_nobody_at_the_true_server(string how, string? password, string refusal)
    {
        await using Rig rig = await Rig.StartAsync();
        int port = FreePort();
        await using var server = new PunchlineServer(new PunchlineServerOptions
        {
            Address = IPAddress.Loopback, Port = port, Names = [$"127.0.0.1:{port}"], HostPassword = password,
        });
        await server.StartAsync(Stop);
        string trueName = $"127.0.0.1:{port}";
        using P256Signer own = P256Signer.Create(SystemRandomness.Instance);
        await using var rogue = new RogueServer(new IPEndPoint(IPAddress.Loopback, port))
        {
            Rewrite = (register, nonce) => how switch
            {
                "renamed" => Renamed(register, trueName),
                "as itself" => SignedBy(own, Renamed(register, trueName), trueName, nonce),
                _ => register,
            },
        };
        using var service = new Confidant();
        RunningRole host = rig.HostAt("host", trueName, password, service.Spec);
        string text = await Rig.InviteOf(host);

        // The same host once more, or a copy of it, that was told of the rogue.
        CopyState(rig.StateOf("host"), rig.StateOf("misled"));
        RunningRole misled = rig.HostAt("misled", rogue.Address, password, service.Spec);
        PunchlineException refused = await misled.FailureAsync();
        Assert.Equal(ProblemCode.ServerRefused, refused.Code);
        Assert.Contains(refusal, refused.Message, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(rogue.Control, message => message is Registered);
        Assert.False(misled.Events.Has<HostReady>());

        // The host's own place has not been touched.
        RunningRole client = rig.Client(text);
        await client.DirectAsync();
        Assert.False(host.Events.Has<Problem>());
        Assert.False(host.Completion.IsCompleted);
    }

    private static Register Renamed(Register register, string name) => register with { Name = name };

    private static Register SignedBy(P256Signer signer, Register register, string name, byte[] nonce)
    {
        // Read anew: what was received is what its proofs cover.
        ControlCodec.TryRead(ControlCodec.Write(register with { PublicKey = signer.PublicKeyInfo.ToArray() }), out ControlMessage? read);
        Register other = Assert.IsType<Register>(read);
        return other with { Signature = signer.Sign(ControlProof.HostSignatureInput(name, nonce, other)) };
    }

    private static IPEndPoint TrueServer(Rig rig) => IPEndPoint.Parse(rig.ServerAddress);

    private static async Task<IPEndPoint> UdpAddressAsync(Rig rig, string name) => new(IPAddress.Loopback,
        int.Parse(await File.ReadAllTextAsync(Path.Combine(rig.StateOf(name), "udp-port"), Stop), System.Globalization.CultureInfo.InvariantCulture));

    // The friend's own secret is written down a moment after it came.
    private static async Task<byte[]> FriendSecretAsync(string state, ReadOnlyMemory<byte> hostId)
    {
        using var limit = new CancellationTokenSource(EventRecorder.Limit);
        while (true)
        {
            if (ClientState.Open(new StateDirectory(state), hostId.Span, TimeProvider.System).Friend is var (_, secret))
                return secret;
            await Task.Delay(10, limit.Token);
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static void CopyState(string from, string to)
    {
        Directory.CreateDirectory(to);
        // The lock is the first one's alone.
        foreach (string file in Directory.EnumerateFiles(from).Where(static file => Path.GetFileName(file) != StateDirectory.HostLock))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
    }
}

/// <summary>A TCP service that answers what it is asked with something that nobody else may read. Whoever only looks whether it is there is not counted.</summary>
internal sealed class Confidant : IDisposable
{
    public const string Name = "confidant-7f3a";

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private int _requests;

    public Confidant()
    {
        _listener.Start();
        _ = AcceptAsync();
    }

    /// <summary>In plain bytes, far longer than any header.</summary>
    public static string Answer { get; } = string.Concat(Enumerable.Repeat("what the host's friends alone may know; ", 500));

    public static byte[] Request { get; } = Encoding.ASCII.GetBytes("tell me");

    public ServiceSpec Spec => new(Name, ServiceProtocol.Tcp, "127.0.0.1", ((IPEndPoint)_listener.LocalEndpoint).Port);

    /// <summary>Connections that have said something.</summary>
    public int Requests => Volatile.Read(ref _requests);

    /// <summary>Asks at a client's port, and checks the answer.</summary>
    public static async Task AskAsync(IPEndPoint port)
    {
        using var limit = new CancellationTokenSource(EventRecorder.Limit);
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(port, limit.Token);
        await socket.SendAsync(Request, limit.Token);
        Assert.Equal(Answer, Encoding.ASCII.GetString(await Visitor.ReceiveAllAsync(socket, limit.Token)));
    }

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = AnswerAsync(await _listener.AcceptSocketAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }

    private async Task AnswerAsync(Socket socket)
    {
        using (socket)
        {
            try
            {
                if (await socket.ReceiveAsync(new byte[100]) == 0)
                    return;
                Interlocked.Increment(ref _requests);
                await socket.SendAsync(Encoding.ASCII.GetBytes(Answer));
                socket.Shutdown(SocketShutdown.Both);
            }
            catch (SocketException)
            {
                // The other side was cut off.
            }
        }
    }
}
