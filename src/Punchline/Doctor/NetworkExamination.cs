using System.Runtime.CompilerServices;
using Punchline.Hosting;
using Punchline.Invites;
using Punchline.PortMapping;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Stun;
using Punchline.Traversal.Lifetime;

namespace Punchline.Doctor;

/// <summary>Examines this machine's network by way of one server: what gets through, how the NATs behave, what the router can do.</summary>
internal sealed class NetworkExamination(PeerNode node, ServerAddress server, EventSink events)
{
    /// <summary>While a measurement that takes minutes runs: between two looks at it.</summary>
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);

    private readonly ServerQuestions _questions = new(node);
    private IReadOnlyList<UdpAddress> _resolved = [];

    /// <summary>Runs it.</summary>
    /// <param name="portMapping">Whether the router may be asked for ports.</param>
    /// <param name="lifetime">Whether to measure how long mappings live.</param>
    /// <param name="stop">Gives up.</param>
    public async Task<NetworkFacts> RunAsync(bool portMapping, bool lifetime, CancellationToken stop)
    {
        Doing($"{server} over TCP");
        (ChannelFacts channel, ExaminedServer? ipv4, ExaminedServer? ipv6) = await ReachAsync(stop).ConfigureAwait(false);
        var facts = new NetworkFacts(node.Network, channel) { MayMapPorts = portMapping, Gateway = MappingProtocols.FindGateway() };
        Doing("what it sees of several sockets over UDP");
        facts = facts with { IPv4 = await ExamineAsync(ipv4, stop).ConfigureAwait(false), IPv6 = await ExamineAsync(ipv6, stop).ConfigureAwait(false) };
        if (facts.IPv4 is { Works: true } udp && udp.Nat.IsTranslated != false)
        {
            if (udp.Nat.Mapping is NatMapping.EndpointIndependent or NatMapping.PortIndependent)
                facts = facts with { Hairpins = await new HairpinTest(node, _questions).RunAsync(udp.Server, udp.Mapped, stop).ConfigureAwait(false) };
            if (portMapping && facts.Gateway is { } gateway)
            {
                Doing($"whether the router {gateway.Address.ToIPAddress()} opens a port");
                facts = facts with { Mappings = await new MappingExamination(node, _questions, gateway).RunAsync(udp, stop).ConfigureAwait(false) };
            }
        }
        if (lifetime && facts.BestUdp is { } best)
            facts = facts with { Lifetime = await LifetimeAsync(best.Server, stop).ConfigureAwait(false) };
        return facts;
    }

    private void Doing(string what) => events.Report(new Progress(events.Now, ProgressStage.Examining, what));

    /// <summary>Opens the control channel. Where that fails, UDP is asked at the dialled port all the same: it may be TCP that does not get through.</summary>
    private async Task<(ChannelFacts Facts, ExaminedServer? IPv4, ExaminedServer? IPv6)> ReachAsync(CancellationToken stop)
    {
        try
        {
            ServerChannel channel = await ServerChannel.ConnectAsync(
                server,
                new ServerChannelOptions { Time = node.Time, Randomness = node.Randomness, ProgramVersion = ProgramVersion.Text, OnResolved = found => _resolved = found },
                stop).ConfigureAwait(false);
            await using ConfiguredAsyncDisposable channelEnd = channel.ConfigureAwait(false);
            if (channel.IsOverLoopback)
                await node.AllowLoopbackAsync().ConfigureAwait(false);
            var facts = new ChannelFacts(null, channel.Hello.Relay != RelayLevel.Off);
            return (facts, Of(channel.UdpEndpoints, channel.AlternatePort, isIPv4: true), Of(channel.UdpEndpoints, channel.AlternatePort, isIPv4: false));
        }
        catch (ServerChannelException e)
        {
            IReadOnlyList<UdpAddress> guessed = server.Scheme == ServerScheme.Punch ? _resolved : [];
            return (new ChannelFacts(e.Message, Relays: false, e.Failure is ServerFailure.NotReachable or ServerFailure.NoAnswer), Of(guessed, 0, isIPv4: true), Of(guessed, 0, isIPv4: false));
        }
    }

    private static ExaminedServer? Of(IReadOnlyList<UdpAddress> endpoints, ushort alternatePort, bool isIPv4)
    {
        UdpAddress[] all = [.. endpoints.Where(endpoint => endpoint.IsIPv4 == isIPv4)];
        if (all is [])
            return null;
        UdpAddress main = all[0];
        return new ExaminedServer(main, alternatePort == 0 ? default : main.WithPort(alternatePort), all.FirstOrDefault(other => !other.SameHost(main)));
    }

    private async Task<UdpFacts?> ExamineAsync(ExaminedServer? udp, CancellationToken stop) =>
        udp is { } asked ? await new UdpExamination(node, _questions, asked).RunAsync(stop).ConfigureAwait(false) : null;

    private async Task<MappingLifetime> LifetimeAsync(UdpAddress udp, CancellationToken stop)
    {
        Doing("how long the NAT keeps a mapping without traffic; this takes some minutes");
        await node.Driver.CallAsync(loop => node.Lifetimes.OnServer(udp, "this network", loop.Now)).ConfigureAwait(false);
        string said = LifetimeText.Of(default);
        while (true)
        {
            (bool isSearching, MappingLifetime lifetime) = await node.Driver.CallAsync(_ => (node.Lifetimes.IsSearching, node.Lifetimes.Current)).ConfigureAwait(false);
            string now = LifetimeText.Of(lifetime.Stream);
            if (isSearching && now != said)
                Doing($"the mapping lives {said = now} so far");
            if (!isSearching)
                return lifetime;
            await Task.Delay(LookInterval, node.Time, stop).ConfigureAwait(false);
        }
    }
}
