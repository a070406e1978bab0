using Punchline.Hosting;
using Punchline.PortMapping;
using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.Doctor;

/// <summary>
/// Asks the router for a port by every protocol, has the server send to each that is granted, and gives it back. The port is that of a socket that has
/// sent nothing: what comes in through it was let in by the mapping.
/// </summary>
internal sealed class MappingExamination(PeerNode node, ServerQuestions questions, Gateway gateway)
{
    private readonly ArrivalWatch _arrivals = new(node.Time, isIPv4: true);

    /// <summary>Runs it.</summary>
    /// <param name="udp">How servers see us over IPv4.</param>
    /// <param name="stop">Gives up; what was granted is given back all the same.</param>
    public async Task<IReadOnlyList<MappingFacts>?> RunAsync(UdpFacts udp, CancellationToken stop)
    {
        if (await node.Driver.CallAsync(_ => node.Sockets.OpenExtra(udp.Server)).ConfigureAwait(false) is not { } socket)
            return null;
        IReadOnlyList<IMapper> mappers = MappingProtocols.All(gateway, socket.LocalAddress.Port, node.Time, node.Randomness);
        try
        {
            bool[] found = await Task.WhenAll(mappers.Select(mapper => mapper.FindAsync(stop))).ConfigureAwait(false);
            var facts = new List<MappingFacts>();
            // One after the other: they would ask for the same port.
            foreach ((IMapper mapper, bool isFound) in mappers.Zip(found))
                facts.Add(isFound ? await TryAsync(mapper, socket, udp, stop).ConfigureAwait(false) : new MappingFacts(mapper.Protocol, IsFound: false));
            return facts;
        }
        finally
        {
            foreach (IMapper mapper in mappers)
                mapper.Dispose();
            node.Sockets.CloseExtra(socket);
        }
    }

    private async Task<MappingFacts> TryAsync(IMapper mapper, IUdpSocket socket, UdpFacts udp, CancellationToken stop)
    {
        try
        {
            var facts = new MappingFacts(mapper.Protocol, IsFound: true) { Reply = await mapper.MapAsync(stop).ConfigureAwait(false) };
            if (facts.Reply.Outcome != MappingOutcome.Granted)
                return facts;
            UdpAddress external = facts.Reply.Mapping.External;
            facts = facts with { Verdict = MappingVerdicts.Of(external, udp.Mapped) };
            if (facts.Verdict != MappingVerdict.Believed
                || await node.Driver.CallAsync(_ => node.Sockets.For(udp.Server)).ConfigureAwait(false) is not { } asking)
                return facts;
            (MappingCheckOutcome check, bool? dropped) = await _arrivals.DuringAsync(
                () => questions.CheckAsync(asking, udp.Server, external.Port, socket, stop), static outcome => outcome == MappingCheckOutcome.Open,
                ServerQuestions.Transmissions, stop).ConfigureAwait(false);
            return facts with { Check = check, IsDroppedHere = dropped == true };
        }
        finally
        {
            await MappingProtocols.GiveBackAsync(mapper, node.Time).ConfigureAwait(false);
        }
    }
}
