using Punchline.Discovery;
using Punchline.Hosting;
using Punchline.Quic;
using Punchline.Quic.Paths;
using Punchline.Stun;
using Punchline.Udp;

namespace Punchline.Doctor;

/// <summary>
/// Whether two sockets behind one NAT reach each other at their public addresses (RFC 4787 section 6): both send there, so that a NAT that filters
/// knows them.
/// </summary>
internal sealed class HairpinTest(PeerNode node, ServerQuestions questions)
{
    /// <summary>The NAT is near; nothing that arrives later is of use.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1.5);

    /// <summary>Runs it.</summary>
    /// <param name="server">Tells the public addresses.</param>
    /// <param name="mapped">Where it sees our main socket.</param>
    /// <param name="stop">Gives up.</param>
    /// <returns>Null if it could not be tried.</returns>
    public async Task<bool?> RunAsync(UdpAddress server, UdpAddress mapped, CancellationToken stop)
    {
        IUdpSocket? first = await node.Driver.CallAsync(_ => node.Sockets.OpenExtra(server)).ConfigureAwait(false);
        IUdpSocket? second = await node.Driver.CallAsync(_ => node.Sockets.OpenExtra(server)).ConfigureAwait(false);
        try
        {
            if (first is null || second is null
                || await questions.AskAsync(first, server, stop).ConfigureAwait(false) is not { } atFirst
                || await questions.AskAsync(second, server, stop).ConfigureAwait(false) is not { } atSecond
                || !MayCall(atFirst.Mapped, mapped, node.Network) || !MayCall(atSecond.Mapped, mapped, node.Network))
                return null;
            var heard = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            StunTransactionId id = StunTransactionId.Draw(node.Randomness);
            await node.Driver.CallAsync(loop =>
            {
                loop.AddClient(first, new Caller(atSecond.Mapped, id, heard));
                loop.AddClient(second, new Caller(atFirst.Mapped, id, heard));
            }).ConfigureAwait(false);
            await heard.Task.WaitAsync(Patience, node.Time, stop).ConfigureAwait(false);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
        finally
        {
            foreach (IUdpSocket? socket in new[] { first, second })
            {
                if (socket is not null)
                    node.Sockets.CloseExtra(socket);
            }
        }
    }

    /// <summary>A server that lies must not aim us at anyone but the address at which it sees us, and at no service there.</summary>
    /// <param name="address">Where it says that a socket of ours is.</param>
    /// <param name="mapped">Where it sees our main socket.</param>
    /// <param name="network">Our own addresses.</param>
    internal static bool MayCall(in UdpAddress address, in UdpAddress mapped, LocalNetwork network) =>
        address.SameHost(mapped) && CandidateRules.Judge(address, new PeerNetwork(network)) == CandidateVerdict.Probe;

    /// <summary>Sends Binding indications, which nobody answers (RFC 8489 section 6.3.2), and hears the other side's.</summary>
    private sealed class Caller(UdpAddress to, StunTransactionId id, TaskCompletionSource heard) : IDatagramClient
    {
        private const int Calls = 10;

        private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

        private int _calls;

        public UdpAddress Server => to;

        public Instant NextTimeout { get; private set; } = Instant.Zero;

        public bool TryTransmit(Instant now, Span<byte> buffer, out int length)
        {
            length = 0;
            if (now < NextTimeout)
                return false;
            NextTimeout = ++_calls < Calls ? now + Interval : Instant.Never;
            var writer = new StunWriter(buffer, StunClass.Indication, StunMessage.Binding, id);
            writer.AddFingerprint();
            length = writer.Length;
            return true;
        }

        public bool TryReceive(Instant now, in UdpAddress from, ReadOnlySpan<byte> datagram)
        {
            if (!StunMessage.TryRead(datagram, out StunMessage message) || message.Class != StunClass.Indication || message.TransactionId != id)
                return false;
            heard.TrySetResult();
            return true;
        }
    }
}
