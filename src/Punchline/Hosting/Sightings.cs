using Punchline.Endpoint;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Stun;
using Punchline.Traversal.Lifetime;
using Punchline.Udp;

namespace Punchline.Hosting;

/// <summary>
/// Where one server sees our sockets, told to peers as candidates and to the survey of our NATs. Of the main socket the binding tells; every other one
/// is asked for as long as it is there, and the main one once more as it looks from elsewhere. Driver thread only.
/// </summary>
internal sealed class Sightings(PeerNode node)
{
    private readonly List<Question> _asked = [];
    private UdpAddress _seen;
    private IUdpSocket? _seenFrom;
    private bool? _hasAlternate;

    /// <summary>The server's binding tells where it sees the main socket.</summary>
    /// <returns>True if that is another place than before of the same socket.</returns>
    public bool OnBound(IUdpSocket socket, in UdpAddress server, in UdpAddress observed)
    {
        if (observed == _seen)
            return false;
        bool moved = !_seen.IsNone && _seenFrom == socket;
        (_seen, _seenFrom) = (observed, socket);
        node.Candidates.SetReflexive(this, observed);
        TellSurvey(socket, server);
        return moved;
    }

    /// <summary>Asks whatever is not asked already.</summary>
    /// <param name="main">The socket that the server binds.</param>
    /// <param name="server">The address at which it does.</param>
    /// <param name="others">The sockets of which the binding tells nothing.</param>
    /// <param name="channel">What the server said of its addresses.</param>
    public void Look(IUdpSocket main, in UdpAddress server, IEnumerable<IUdpSocket> others, ServerChannel channel)
    {
        // Who hides wants to know no address of theirs, and needs none.
        if (node.RelayOnly)
            return;
        foreach (IUdpSocket socket in others)
            Keep(socket, channel);
        _hasAlternate = channel.AlternatePort != 0;
        TellSurvey(main, server);
        if (!_asked.Exists(static entry => entry.Source is StunBinding))
            AskElsewhere(main, server, channel);
    }

    /// <summary>The network may be another one: what is asked again and again is asked now, and what is asked once may be asked anew.</summary>
    public void AskAgain()
    {
        foreach (Question entry in _asked.ToArray())
        {
            if (entry.Source is StunKeeper keeper && node.Sockets.All.Contains(entry.Socket))
                keeper.AskNow();
            else
                Drop(entry, isGone: true);
        }
    }

    /// <summary>What is asked again and again is asked now.</summary>
    public void AskKept()
    {
        foreach (Question entry in _asked)
            (entry.Source as StunKeeper)?.AskNow();
    }

    /// <summary>A socket was replaced by another one: nothing is asked from it any more.</summary>
    public void OnReplaced(IUdpSocket old)
    {
        foreach (Question entry in _asked.Where(entry => entry.Socket == old).ToArray())
            Drop(entry, isGone: true);
    }

    /// <summary>The server is left: it says nothing any more.</summary>
    public void End()
    {
        foreach (Question entry in _asked.ToArray())
            Drop(entry, isGone: false);
        (_seen, _seenFrom) = (default, null);
        node.Candidates.EndReflexive(this, isGone: false);
    }

    private void TellSurvey(IUdpSocket socket, in UdpAddress server)
    {
        // Also when its answer comes: a server over IPv6 may have been asked meanwhile.
        if (_hasAlternate is { } hasAlternate)
            node.Survey.Begin(socket, server, hasAlternate);
        if (!_seen.IsNone)
            node.Survey.OnSeen(socket, server, _seen);
    }

    private void Keep(IUdpSocket socket, ServerChannel channel)
    {
        UdpAddress endpoint = channel.UdpEndpoints.FirstOrDefault(e => node.Loop.DirectPath(socket, e) is not null);
        if (endpoint.IsNone || _asked.Exists(entry => entry.Socket == socket))
            return;
        var keeper = new StunKeeper(endpoint, node.Randomness, () => node.Lifetimes.KeepAliveTowards(endpoint, MappingUse.Brief) ?? StunKeeper.DefaultInterval);
        Carry(socket, keeper, new WatchedClient(keeper, () =>
        {
            if (keeper.TryTakeChange(out UdpAddress mapped))
                node.Candidates.SetReflexive(keeper, mapped);
        }));
    }

    /// <summary>From the server's other port and another address of it, if it has any. Each costs the NAT a mapping.</summary>
    private void AskElsewhere(IUdpSocket socket, UdpAddress main, ServerChannel channel)
    {
        List<UdpAddress> others = channel.AlternatePort == 0 ? [] : [main.WithPort(channel.AlternatePort)];
        others.AddRange(channel.UdpEndpoints.Where(e => e.IsIPv4 == main.IsIPv4 && !e.SameHost(main)).Take(1));
        foreach (UdpAddress other in others)
        {
            var question = new StunBinding(other, node.Randomness);
            Carry(socket, question, WatchedClient.Asking(question, answered =>
            {
                if (answered.State != StunBindingState.Succeeded)
                    return;
                node.Candidates.SetReflexive(answered, answered.Result.Mapped);
                node.Survey.OnSeen(socket, other, answered.Result.Mapped);
            }));
        }
    }

    private void Carry(IUdpSocket socket, IDatagramClient source, WatchedClient client)
    {
        _asked.Add(new Question(socket, client, source));
        node.Loop.AddClient(socket, client);
    }

    private void Drop(Question entry, bool isGone)
    {
        node.Loop.RemoveClient(entry.Socket, entry.Client);
        node.Candidates.EndReflexive(entry.Source, isGone);
        _asked.Remove(entry);
    }

    private readonly record struct Question(IUdpSocket Socket, WatchedClient Client, IDatagramClient Source);
}
