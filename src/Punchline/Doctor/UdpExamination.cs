using Punchline.Hosting;
using Punchline.Quic;
using Punchline.Stun;
using Punchline.Traversal;
using Punchline.Udp;

namespace Punchline.Doctor;

/// <summary>Where a server answers over UDP in one address family.</summary>
/// <param name="Main">Its main port.</param>
/// <param name="OtherPort">Its second port, which also answers for the first; none if it has none.</param>
/// <param name="OtherAddress">Another address of it; none if it has none.</param>
internal readonly record struct ExaminedServer(UdpAddress Main, UdpAddress OtherPort, UdpAddress OtherAddress);

/// <summary>
/// What one address family lets through, and how its NATs map and filter: asked from the socket that QUIC would use, and from fresh ones of the same
/// kind where the question spoils it.
/// </summary>
internal sealed class UdpExamination(PeerNode node, ServerQuestions questions, ExaminedServer server)
{
    /// <summary>Answers that are asked for to see who drops them: enough to be told from what else arrives.</summary>
    private const int UnexpectedPackets = 10;

    /// <summary>They take the way of the plain answer, which has come by then. Longer than a connection waits, for which each moment counts.</summary>
    private static readonly TimeSpan FilterPatience = TimeSpan.FromSeconds(1);

    private readonly ArrivalWatch _arrivals = new(node.Time, server.Main.IsIPv4);

    /// <summary>Runs it.</summary>
    /// <returns>Null if no socket of ours leads there.</returns>
    public async Task<UdpFacts?> RunAsync(CancellationToken stop)
    {
        if (await node.Driver.CallAsync(_ => node.Sockets.For(server.Main)).ConfigureAwait(false) is not { } socket)
            return null;
        (StunBindingResult? first, bool? dropped) = await _arrivals.DuringAsync(
            () => questions.AskAsync(socket, server.Main, stop), static answer => answer is not null, ServerQuestions.Transmissions, stop).ConfigureAwait(false);
        if (first is not { } answer)
            return new UdpFacts(server.Main) { DropsHere = dropped };

        List<NatObservation> seen = [new(server.Main, answer.Mapped)];
        TimeSpan? roundTrip = answer.RoundTripTime;
        foreach (UdpAddress other in new[] { server.OtherPort, server.OtherAddress })
        {
            if (other.IsNone || await questions.AskAsync(socket, other, stop).ConfigureAwait(false) is not { } more)
                continue;
            seen.Add(new NatObservation(other, more.Mapped));
            // The first one of a process is slow.
            roundTrip = more.RoundTripTime < roundTrip ? more.RoundTripTime : roundTrip;
        }
        (NatFiltering filtering, dropped) = await FilteringAsync(stop).ConfigureAwait(false);
        UdpAddress local = RouteLookup.LocalAddressFor(server.Main).WithPort(socket.LocalAddress.Port);
        NatReport report = NatReport.From(local, [.. seen], filtering);
        if (report.VariesByDestination)
        {
            ushort[] samples = await SamplesAsync(stop).ConfigureAwait(false);
            report = NatReport.From(local, [.. seen], filtering, samples);
        }
        return new UdpFacts(server.Main) { Mapped = answer.Mapped, RoundTripTime = roundTrip, Nat = report, DropsHere = dropped };
    }

    // RFC 5780 section 4.4, with several answers at once so that they can be counted.
    private async Task<(NatFiltering Filtering, bool? DroppedHere)> FilteringAsync(CancellationToken stop)
    {
        if (server.OtherPort.IsNone || await OpenAsync().ConfigureAwait(false) is not { } socket)
            return (NatFiltering.Unknown, null);
        try
        {
            if (await questions.AskAsync(socket, server.Main, stop).ConfigureAwait(false) is null)
                return (NatFiltering.Unknown, null);
            (bool? came, bool? dropped) = await _arrivals.DuringAsync(
                () => questions.AnswersFromElsewhereAsync(socket, server.Main, UnexpectedPackets, FilterPatience, stop), static came => came == true,
                UnexpectedPackets, stop).ConfigureAwait(false);
            return came is null ? (NatFiltering.Unknown, null) : (NatReport.FilteringFrom(null, came), dropped);
        }
        finally
        {
            node.Sockets.CloseExtra(socket);
        }
    }

    private async Task<ushort[]> SamplesAsync(CancellationToken stop)
    {
        var ports = new List<ushort>();
        var sockets = new List<IUdpSocket>();
        try
        {
            // One after the other: the order in which the NAT makes the mappings is what is looked at.
            while (sockets.Count < NatSurvey.SampleSockets && await OpenAsync().ConfigureAwait(false) is { } socket)
            {
                sockets.Add(socket);
                if (await questions.AskAsync(socket, server.Main, stop).ConfigureAwait(false) is { } answer)
                    ports.Add(answer.Mapped.Port);
            }
            return [.. ports];
        }
        finally
        {
            foreach (IUdpSocket socket in sockets)
                node.Sockets.CloseExtra(socket);
        }
    }

    private Task<IUdpSocket?> OpenAsync() => node.Driver.CallAsync(_ => node.Sockets.OpenExtra(server.Main));
}
