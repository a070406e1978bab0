using System.Runtime.CompilerServices;
using Punchline.Endpoint;
using Punchline.Invites;
using Punchline.Protocol;
using Punchline.Relay;

namespace Punchline.Hosting;

/// <summary>All that this node has with one server until it ends: the control channel, our sockets' share, and where the server sees peers.</summary>
internal sealed class ServerContact : IAsyncDisposable
{
    private readonly PeerNode _node;
    private readonly ServerUdp _udp;
    private readonly Predicate<ulong> _isOurs;

    private ServerContact(PeerNode node, ServerUdp udp, ServerChannel channel, Predicate<ulong> isOurs)
    {
        _node = node;
        _udp = udp;
        Channel = channel;
        _isOurs = isOurs;
    }

    /// <summary>The control channel; to be read by <see cref="ReadAsync"/> alone.</summary>
    public ServerChannel Channel { get; }

    /// <summary>Connects the channel; the sockets ask for their cookie meanwhile.</summary>
    /// <param name="node">The sockets.</param>
    /// <param name="server">Where to.</param>
    /// <param name="isOurs">Whether a pair is one of this server's, by our handle for it. Driver thread.</param>
    /// <param name="stop">Gives up.</param>
    /// <exception cref="ServerChannelException">The server cannot be used.</exception>
    public static async Task<ServerContact> ConnectAsync(PeerNode node, ServerAddress server, Predicate<ulong> isOurs, CancellationToken stop)
    {
        var udp = new ServerUdp(node, server);
        ServerChannel? channel = null;
        try
        {
            channel = await ServerChannel.ConnectAsync(
                server,
                new ServerChannelOptions { Time = node.Time, Randomness = node.Randomness, ProgramVersion = ProgramVersion.Text, HidesAddress = node.RelayOnly, OnResolved = udp.Prepare },
                stop).ConfigureAwait(false);
            if (channel.IsOverLoopback)
                await node.AllowLoopbackAsync().ConfigureAwait(false);
            return new ServerContact(node, udp, channel, isOurs);
        }
        catch
        {
            if (channel is not null)
                await channel.DisposeAsync().ConfigureAwait(false);
            await udp.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Binds the handle that the channel has brought (see <see cref="ServerUdp.BindAsync"/>). From now on pairs that agree on it are attested.</summary>
    /// <exception cref="ServerChannelException">Nothing carries relayed datagrams.</exception>
    public async Task<RelayRoute> BindAsync(ulong handle, byte[] key, CancellationToken stop)
    {
        await _node.Driver.CallAsync(_ =>
        {
            // Once, however many pairs follow each other.
            _node.Attestations.Agreed -= OnAgreed;
            _node.Attestations.Agreed += OnAgreed;
        }).ConfigureAwait(false);
        return await _udp.BindAsync(Channel, handle, key, stop).ConfigureAwait(false);
    }

    /// <summary>The server has somebody for us, whose first packets come by the binding.</summary>
    public void OnPairOpened() => _node.Driver.Post(new ActionWorkItem(_ => _udp.OnPairOpened()));

    /// <summary>What the server says of pairs, as it comes; where it sees their other ends is known by then.</summary>
    /// <exception cref="ServerChannelException">The end of the channel.</exception>
    public async IAsyncEnumerable<ControlMessage> ReadAsync([EnumeratorCancellation] CancellationToken stop = default)
    {
        await foreach (ControlMessage message in Channel.Events.ReadAllAsync(stop).ConfigureAwait(false))
        {
            if (message is Attested attested)
                _node.Driver.Post(new ActionWorkItem(_ => _node.Attestations.Set(attested.Handle, attested.Address)));
            yield return message;
        }
    }

    /// <summary>Leaves the server.</summary>
    public async ValueTask DisposeAsync()
    {
        _node.Driver.Post(new ActionWorkItem(_ => _node.Attestations.Agreed -= OnAgreed));
        await Channel.DisposeAsync().ConfigureAwait(false);
        await _udp.DisposeAsync().ConfigureAwait(false);
    }

    private void OnAgreed(ulong handle)
    {
        if (_isOurs(handle))
            Channel.Attest(handle);
    }
}
