using Punchline.Endpoint;
using Punchline.Hosting;
using Punchline.PortMapping;
using Punchline.Quic;
using Punchline.Stun;
using Punchline.Udp;

namespace Punchline.Doctor;

/// <summary>Binding requests from sockets of a node, each answered or given up in its time. From any thread but the driver's.</summary>
internal sealed class ServerQuestions(PeerNode node)
{
    /// <summary>Four transmissions, at 0, 250, 750 and 1,750 ms, and some time for the last answer.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <summary>How often a request is sent within <see cref="Patience"/> if nothing answers.</summary>
    public const int Transmissions = 4;

    /// <summary>Asks.</summary>
    /// <param name="socket">One of the loop's.</param>
    /// <param name="server">Whom.</param>
    /// <param name="stop">Gives up.</param>
    /// <returns>Null if no answer came in time, or the server refused.</returns>
    public async Task<StunBindingResult?> AskAsync(IUdpSocket socket, UdpAddress server, CancellationToken stop)
    {
        var binding = new StunBinding(server, node.Randomness);
        return await AskAsync(binding, socket, null, Patience, stop).ConfigureAwait(false) == StunBindingState.Succeeded ? binding.Result : null;
    }

    /// <summary>Asks for an answer to another port of ours, and for a plain one at the same times.</summary>
    /// <param name="socket">The one that asks.</param>
    /// <param name="server">Whom.</param>
    /// <param name="port">The public port that the answer is to go to.</param>
    /// <param name="receiver">The socket that it should come to.</param>
    /// <param name="stop">Gives up.</param>
    /// <returns>What that shows.</returns>
    public async Task<MappingCheckOutcome> CheckAsync(IUdpSocket socket, UdpAddress server, ushort port, IUdpSocket receiver, CancellationToken stop)
    {
        StunBindingState[] states = await Task.WhenAll(
            AskAsync(new StunBinding(server, node.Randomness, responsePort: port), socket, receiver, Patience, stop),
            AskAsync(new StunBinding(server, node.Randomness), socket, null, Patience, stop)).ConfigureAwait(false);
        return MappingCheck.OutcomeOf(states[0], states[1]);
    }

    /// <summary>Asks for answers from another port of the server's, each once.</summary>
    /// <param name="socket">One that has sent to the server's main port alone.</param>
    /// <param name="server">Its main port.</param>
    /// <param name="count">How often.</param>
    /// <param name="patience">For all of them.</param>
    /// <param name="stop">Gives up.</param>
    /// <returns>Whether one came; null if the server refuses.</returns>
    public async Task<bool?> AnswersFromElsewhereAsync(IUdpSocket socket, UdpAddress server, int count, TimeSpan patience, CancellationToken stop)
    {
        // Beyond the patience: a second transmission would be counted as a packet that was never asked for.
        TimeSpan once = patience * 2;
        StunBindingState[] answers = await Task.WhenAll(Enumerable.Range(0, count).Select(
            _ => AskAsync(new StunBinding(server, node.Randomness, StunChange.Port, once), socket, null, patience, stop))).ConfigureAwait(false);
        return answers.Contains(StunBindingState.Succeeded) ? true : answers.Contains(StunBindingState.Refused) ? null : false;
    }

    /// <returns>How it ended: timed out where no answer came within the patience.</returns>
    private async Task<StunBindingState> AskAsync(StunBinding binding, IUdpSocket socket, IUdpSocket? receiver, TimeSpan patience, CancellationToken stop)
    {
        var answered = new TaskCompletionSource<StunBindingState>(TaskCreationOptions.RunContinuationsAsynchronously);
        var asking = WatchedClient.Asking(binding, ended => answered.TrySetResult(ended.State));
        var listening = new Listener(asking);
        await node.Driver.CallAsync(loop =>
        {
            loop.AddClient(socket, asking);
            if (receiver is not null)
                loop.AddClient(receiver, listening);
        }).ConfigureAwait(false);
        try
        {
            return await answered.Task.WaitAsync(patience, node.Time, stop).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            return StunBindingState.TimedOut;
        }
        finally
        {
            await node.Driver.CallAsync(loop =>
            {
                loop.RemoveClient(socket, asking);
                if (receiver is not null)
                    loop.RemoveClient(receiver, listening);
            }).ConfigureAwait(false);
        }
    }

    /// <summary>An exchange on a socket where it only receives.</summary>
    private sealed class Listener(IDatagramClient inner) : IDatagramClient
    {
        public UdpAddress Server => inner.Server;

        public Instant NextTimeout => Instant.Never;

        public bool TryTransmit(Instant now, Span<byte> buffer, out int length)
        {
            length = 0;
            return false;
        }

        public bool TryReceive(Instant now, in UdpAddress from, ReadOnlySpan<byte> datagram) => inner.TryReceive(now, from, datagram);
    }
}
