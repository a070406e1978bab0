using System.Security.Cryptography;
using Punchline.Endpoint;
using Punchline.Invites;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Relay;

namespace Punchline.Hosting;

/// <summary>Why no connection came about, or one ended for good, for programs and people.</summary>
internal sealed class JoinFailure(ProblemCode code, string message, bool isFinal, Exception? inner = null) : Exception(message, inner)
{
    public ProblemCode Code { get; } = code;

    /// <summary>Another attempt makes no sense: the host itself has said so, or nothing is lost yet.</summary>
    public bool IsFinal { get; } = isFinal;

    /// <summary>Another secret may do better: this one was refused, or the host kept silent.</summary>
    public bool MayBeTheSecret { get; init; }

    /// <summary>Of several servers' failures the heaviest counts: what one says that knows the host weighs more than that another is away.</summary>
    public int Weight => Code == ProblemCode.ServerUnreachable ? 0 : IsFinal ? 2 : 1;
}

/// <summary>
/// Brings a client to its host: races the invite's servers, and tries the invite's secret beside a friend's own. What is not proved to
/// come from the host ends nothing but a first attempt, and our own secret is kept until the host gives another.
/// </summary>
internal sealed class ClientConnector(PeerNode node, ClientCore client, Membership membership, EventSink events) : IAsyncDisposable
{
    /// <summary>For the handshake: several repetitions of each flight, over any link.</summary>
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    private readonly Invite _invite = membership.Invite;
    private readonly ClientState _state = membership.State;
    private readonly ClientLink[] _links = [.. membership.Invite.Servers.Select(server => new ClientLink(node, server, membership.Invite.HostId))];
    private volatile bool _hasTried;

    /// <summary>One connection with the host, by way of the nearest server (<see cref="ServerRace"/>).</summary>
    /// <exception cref="JoinFailure">None came about.</exception>
    public async Task<(ClientSession Session, ClientLink Link)> ConnectAsync(CancellationToken stop)
    {
        using var others = CancellationTokenSource.CreateLinkedTokenSource(stop);
        ServerRace race = await node.Driver.CallAsync(loop => new ServerRace(loop, _links.Length)).ConfigureAwait(false);
        List<Task<(ClientSession, ClientLink)>> running = [.. _links.Select(link => TryAsync(link, race, others.Token))];
        List<Task<(ClientSession, ClientLink)>> all = [.. running];
        JoinFailure? worst = null;
        try
        {
            while (running.Count > 0)
            {
                Task<(ClientSession, ClientLink)> done = await Task.WhenAny(running).ConfigureAwait(false);
                running.Remove(done);
                try
                {
                    (ClientSession session, ClientLink link) = await done.ConfigureAwait(false);
                    return (session, link);
                }
                catch (JoinFailure failure)
                {
                    if (worst is null || failure.Weight > worst.Weight)
                        worst = failure;
                }
            }
            throw worst!;
        }
        finally
        {
            _hasTried = true;
            await others.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(all.Cast<Task>()).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            ClientLink? winner = all.Find(task => task.IsCompletedSuccessfully)?.Result.Item2;
            if (winner is not null)
                await Task.WhenAll(_links.Where(link => link != winner).Select(link => link.CloseAsync())).ConfigureAwait(false);
        }
    }

    /// <summary>What a connection that has ended means for the next, if its end was said under the connection's own keys.</summary>
    /// <returns>Null: come back.</returns>
    public static JoinFailure? FinalEnd(QuicError error) => error switch
    {
        { IsApplication: true, IsRemote: true, Code: (ulong)CloseCode.InviteRevoked } => InviteEnded(isFinal: true),
        { IsApplication: true, Code: (ulong)CloseCode.NewerNeeded } => new JoinFailure(
            ProblemCode.VersionMismatch, error.IsRemote ? "The host is older than this program: it must be updated." : "This program is too old for the host: update it.", isFinal: true),
        _ => null,
    };

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (ClientLink link in _links)
            await link.DisposeAsync().ConfigureAwait(false);
    }

    private static JoinFailure InviteEnded(bool isFinal) =>
        new(ProblemCode.InviteRevoked, "The host has replaced its invite: ask it for the new one.", isFinal) { MayBeTheSecret = true };

    private async Task<(ClientSession, ClientLink)> TryAsync(ClientLink link, ServerRace race, CancellationToken stop)
    {
        try
        {
            return (await TryBothAsync(link, race, stop).ConfigureAwait(false), link);
        }
        catch (JoinFailure)
        {
            node.Driver.Post(new ActionWorkItem(_ => race.OnFailed()));
            throw;
        }
    }

    private async Task<ClientSession> TryBothAsync(ClientLink link, ServerRace race, CancellationToken stop)
    {
        var inviteKey = new DoorKey(InviteId.Read(_invite.Id.Span), _invite.Secret.ToArray());
        if (_state.Friend is not var (id, secret))
            return await TryAsync(link, inviteKey, race, stop).ConfigureAwait(false);
        JoinFailure own;
        try
        {
            return await TryAsync(link, new DoorKey(id, secret), race, stop).ConfigureAwait(false);
        }
        catch (JoinFailure failure) when (failure.MayBeTheSecret)
        {
            own = failure;
        }
        // The host may have lost our secret, or want us to come anew: the invite itself may still be good.
        events.Detail($"our own secret is not taken ({own.Message}); trying the invite's");
        try
        {
            return await TryAsync(link, inviteKey, race, stop).ConfigureAwait(false);
        }
        catch (JoinFailure failure) when (failure.IsFinal && !own.IsFinal)
        {
            // An invite is known to all who hold it; what they could have said does not end what our own secret stands for.
            throw new JoinFailure(failure.Code, failure.Message, isFinal: false, failure);
        }
    }

    private async Task<ClientSession> TryAsync(ClientLink link, DoorKey key, ServerRace race, CancellationToken stop)
    {
        ClientPair pair;
        try
        {
            pair = await link.OpenAsync(key, events.Report, stop).ConfigureAwait(false);
        }
        catch (ServerChannelException e) when (e.Error == ControlError.UnknownInvite)
        {
            if (CryptographicOperations.FixedTimeEquals(e.EndProof.Span, InviteKeys.EndProof(key.Secret)))
                throw InviteEnded(isFinal: true);
            throw new JoinFailure(ProblemCode.InviteRevoked, e.Message, isFinal: !_hasTried, e) { MayBeTheSecret = true };
        }
        catch (ServerChannelException e)
        {
            throw new JoinFailure(ServerProblem.CodeOf(e), e.Message, ServerProblem.IsFinal(e, firstContact: !_hasTried), e);
        }
        RememberedSession? resumed = await TakeSessionAsync().ConfigureAwait(false);
        ClientSession session = await node.Driver.CallAsync(loop => Begin(loop, pair, race, resumed)).ConfigureAwait(false);
        link.OnServerMessage = message => node.Driver.Post(new ActionWorkItem(_ => session.OnServerMessage(message)));
        try
        {
            if (await session.Decided.WaitAsync(HandshakeTimeout, node.Time, stop).ConfigureAwait(false))
                return session;
        }
        catch (TimeoutException e)
        {
            Drop(session);
            throw new JoinFailure(ProblemCode.HostOffline, $"The host does not answer through {link.Server}.", isFinal: false, e) { MayBeTheSecret = true };
        }
        catch (OperationCanceledException)
        {
            // Another one may have decided the race at this very moment: then this one was told so.
            if (session.Decided is { IsCompletedSuccessfully: true, Result: true })
                return session;
            Drop(session);
            throw;
        }
        throw Explain(await session.Ended.ConfigureAwait(false), link.Server, key);
    }

    // Taken out of the file first: each is good once, and whoever used one twice could be recognised by it.
    private async Task<RememberedSession?> TakeSessionAsync()
    {
        try
        {
            return await Task.Run(_state.TakeSessionAsync).ConfigureAwait(false);
        }
        catch (StateFileException e)
        {
            events.ProblemNowAndThen(ProblemCode.State, e.Message);
            return null; // The handshake takes one round trip more.
        }
    }

    private ClientSession Begin(EndpointLoop loop, ClientPair pair, ServerRace race, RememberedSession? resumed)
    {
        RelayPath path = loop.RelayedPath(pair.Route.Link, pair.Route.Handle)
            ?? throw new PunchlineException(ProblemCode.Internal, "There are too many paths.");
        Span<byte> random = stackalloc byte[ConnectionId.MaxLength];
        node.Randomness.FillPublic(random);
        var destination = new ConnectionId(random);
        byte[] token = DoorToken.Seal(pair.Key.Secret, pair.Key.Id, _invite.HostId.Span, destination, pair.DoorNonce, membership.Identity.PeerId.Span);
        ClientSession? session = null;
        loop.Connect(
            new QuicClientOptions
            {
                ExpectedPeerId = _invite.HostId,
                InitialDestination = destination,
                Token = token,
                Session = resumed?.Session,
                SessionAge = resumed?.Age ?? default,
            },
            path,
            connection =>
            {
                session = new ClientSession(client, node, connection, pair, race, events);
                session.BeginEarly();
                return session;
            });
        return session!;
    }

    private void Drop(ClientSession session) =>
        node.Driver.Post(new ActionWorkItem(_ => session.Close(CloseCode.None, "given up")));

    // The first two come under Initial keys, which anybody on the way can compute (RFC 9001 section 5.2).
    private JoinFailure Explain(QuicError error, ServerAddress server, DoorKey key) => error switch
    {
        { IsApplication: false, IsRemote: true, Code: Refusal.Ended } => InviteEnded(isFinal: Refusal.Proves(error.Reason, key.Secret)),
        { IsApplication: false, IsRemote: true, Code: (ulong)TransportErrorCode.CryptoErrorBase + NoApplicationProtocol } =>
            new JoinFailure(ProblemCode.VersionMismatch, "The host speaks another version: the older side must be updated.", isFinal: !_hasTried),
        _ => FinalEnd(error) ?? new JoinFailure(ProblemCode.HostOffline, $"The host could not be reached through {server}: {CloseText.Of(error)}.", isFinal: false),
    };

    /// <summary>TLS alert 120 (RFC 7301 section 3.2).</summary>
    private const ulong NoApplicationProtocol = 120;
}
