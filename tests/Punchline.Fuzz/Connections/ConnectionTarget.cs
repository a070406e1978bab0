using Punchline.Quic;

namespace Punchline.Fuzz.Connections;

/// <summary>
/// A whole connection of one role, whose peer holds the keys and says whatever the input says. The input is packets; their plaintexts are
/// sealed with the peer's keys:
/// <code>
/// Step (8), Length (16), Plaintext or datagram (..)
/// step: bits 0-1  what comes: a 1-RTT, Handshake or Initial packet, or a datagram as it is
///       bits 2-3  how long it is until then: no time, 1 ms, 200 ms, until the next deadline
///       bit 4     the peer's own packets stay away until then, so that a handshake does not go on
///       bit 5     it comes from another address
///       bit 6     our application speaks before
///       bit 7     the peer's application speaks before
/// </code>
/// </summary>
internal sealed class ConnectionTarget(bool clientReads) : IFuzzTarget
{
    private const int StepHeaderLength = 3;

    /// <summary>More packets reach no further state and cost time.</summary>
    private const int MaxSteps = 24;

    /// <summary>The idle timeout (60 s) and three probe timeouts of closing: after that nothing of a connection is left.</summary>
    private static readonly TimeSpan UntilAllIsOver = TimeSpan.FromSeconds(200);

    private static readonly TimeSpan LongestStep = TimeSpan.FromSeconds(5);

    public string Name => clientReads ? "connection-client" : "connection-host";

    public string Reads => $"a whole connection of the {(clientReads ? "client" : "host")}, from decrypted packets";

    public int MaxLength => 4096;

    // Two ends with buffers of 64 KiB each, their handshake, and 200 s of probes and keep-alives; then datagrams for what came.
    public AllocationBound Allocation => new(2 << 20, 2048);

    public int TestRuns => 40;

    public IEnumerable<byte[]> Seeds()
    {
        const byte OneRtt = 0, Raw = 3, Later = 0x08, Next = 0x0c, Alone = 0x10, Elsewhere = 0x20, WeSpeak = 0x40, PeerSpeaks = 0x80;
        yield return [];
        yield return Step(OneRtt, 0x01);
        foreach (byte[] frames in new Targets.FrameTarget().Seeds())
            yield return [.. Step(OneRtt | PeerSpeaks | WeSpeak, frames), .. Step(OneRtt | Later, 0x01)];
        yield return [.. Step(OneRtt | Elsewhere, 0x01), .. Step(OneRtt | Next | Elsewhere, 0x01), .. Step(OneRtt | Next, 0x01)];
        yield return [.. Step(Alone | 1, 0x01), .. Step(Alone | 2, 0x01), .. Step(2, 0x06, 0, 4, 1, 0, 0, 0)];
        yield return [.. Step(Alone | 2, 0x06, 0, 2, 1, 0), .. Step(2, 0x1c, 0, 0, 0)];
        yield return Step(Alone | Raw, 0xc0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
        yield return Step(OneRtt | Raw, [0x40, .. new byte[40]]);
        // A stream in pieces that overlap, then its end, a reset and a request to stop.
        byte peersStream = clientReads ? (byte)1 : (byte)0;
        yield return
        [
            .. Step(OneRtt, 0x0e, peersStream, 4, 4, 1, 2, 3, 4), .. Step(OneRtt, 0x0e, peersStream, 2, 4, 0, 0, 1, 2),
            .. Step(OneRtt, 0x0f, peersStream, 0, 2, 9, 9), .. Step(OneRtt, 0x04, peersStream, 0, 8), .. Step(OneRtt | WeSpeak, 0x05, (byte)(peersStream ^ 1), 7),
        ];
    }

    public void Run(ReadOnlySpan<byte> input)
    {
        using var pair = new FuzzedPair();
        FuzzedEnd reader = clientReads ? pair.Client : pair.Host;
        FuzzedEnd peer = clientReads ? pair.Host : pair.Client;
        byte[] datagram = new byte[1500];
        for (int steps = 0; input.Length >= StepHeaderLength && steps < MaxSteps && reader.Error is null; steps++)
        {
            byte step = input[0];
            int length = Math.Min(Math.Min(input[1] << 8 | input[2], input.Length - StepHeaderLength), Insider.MaxPlaintext);
            Prepare(pair, reader, peer, step);
            Say(pair, peer, step, input.Slice(StepHeaderLength, length), datagram);
            input = input[(StepHeaderLength + length)..];
        }
        pair.Exchange();
        End(pair, reader);
    }

    private void Prepare(FuzzedPair pair, FuzzedEnd reader, FuzzedEnd peer, byte step)
    {
        if ((step & 0x10) != 0)
        {
            // The first packet of a client makes the connection of the host; the host has no keys before.
            if (clientReads && peer.Connection is null)
                pair.Client.Flush(pair.Now, (_, first) => pair.Inject(toClient: false, fromElsewhere: false, first));
            return;
        }
        pair.Exchange();
        if ((step & 0x40) != 0)
            reader.Speak();
        if ((step & 0x80) != 0)
            peer.Speak();
        pair.Exchange();
        switch ((step >> 2) & 3)
        {
            case 1:
                pair.Wait(TimeSpan.FromMilliseconds(1), once: false);
                break;
            case 2:
                pair.Wait(TimeSpan.FromMilliseconds(200), once: false);
                break;
            case 3:
                pair.Wait(LongestStep, once: true);
                break;
        }
    }

    private void Say(FuzzedPair pair, FuzzedEnd peer, byte step, ReadOnlySpan<byte> bytes, byte[] datagram)
    {
        int length;
        if ((step & 3) == 3)
        {
            bytes.CopyTo(datagram);
            length = bytes.Length;
        }
        else
        {
            EncryptionLevel level = (step & 3) switch { 0 => EncryptionLevel.Application, 1 => EncryptionLevel.Handshake, _ => EncryptionLevel.Initial };
            length = peer.Connection is { } connection ? Insider.Seal(connection, level, bytes, datagram, pair.Now) : 0;
        }
        if (length > 0)
            pair.Inject(clientReads, (step & 0x20) != 0, datagram.AsSpan(0, length));
    }

    /// <summary>Both applications leave; then nothing of the connection may be left, and each end has one reason.</summary>
    private static void End(FuzzedPair pair, FuzzedEnd reader)
    {
        pair.Client.Connection?.Close(pair.Now, 0x20, "enough");
        pair.Host.Connection?.Close(pair.Now, 0x20, "enough");
        pair.Exchange();
        pair.Wait(UntilAllIsOver, once: false);
        if (reader.Connection is not { } connection)
            return;
        Check.That(reader.Error is not null, "a connection that ended without saying so");
        Check.That(connection is { IsTerminated: true, IsOpen: false }, "a connection that does not end");
        reader.Endpoint.Remove(connection);
        Check.That(reader.Endpoint.ActiveConnectionIds == 0, "connection ids that outlive their connection");
    }

    private static byte[] Step(int step, params byte[] bytes) => [(byte)step, (byte)(bytes.Length >> 8), (byte)bytes.Length, .. bytes];
}
