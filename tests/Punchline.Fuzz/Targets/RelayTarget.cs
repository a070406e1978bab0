using System.Net;
using Punchline.Quic;
using Punchline.Relay;

namespace Punchline.Fuzz.Targets;

/// <summary>Relay frames (docs/wire/relay.md): each byte of what is read comes back when it is written.</summary>
internal sealed class RelayTarget : IFuzzTarget
{
    private static readonly byte[] Key = new byte[RelayFrame.KeyLength];
    private static readonly byte[] Cookie = new byte[RelayFrame.CookieLength];

    public string Name => "relay";

    public string Reads => "relay frames between a peer and a server";

    public int MaxLength => 256;

    public AllocationBound Allocation => new(1024, 4);

    public int TestRuns => 100_000;

    public IEnumerable<byte[]> Seeds()
    {
        byte[] buffer = new byte[RelayFrame.BindLength];
        RelayFrame.WriteDataHeader(buffer, 0x0102_0304_0506_0708);
        yield return [.. buffer.AsSpan(0, RelayFrame.DataHeaderLength), 1, 2, 3];
        yield return buffer[..RelayFrame.WriteCookieRequest(buffer, 7)];
        yield return buffer[..RelayFrame.WriteCookie(buffer, 7, Cookie)];
        yield return buffer[..RelayFrame.WriteBind(buffer, new BindFrame(5, 6), Cookie, Key)];
        yield return buffer[..LaterFrame.WriteAsk(buffer, new AskLater(7, 28), Cookie)];
        yield return buffer[..LaterFrame.WriteAnswer(buffer, new Later(7, LaterStatus.Kept))];
        yield return buffer[..RelayFrame.WriteBound(buffer, new BoundFrame(5, 6, new UdpAddress(IPAddress.Parse("192.0.2.7"), 4433)))];
        yield return buffer[..RelayFrame.WriteBound(buffer, new BoundFrame(5, 6, new UdpAddress(IPAddress.Parse("2001:db8::7"), 4433)))];
    }

    public void Run(ReadOnlySpan<byte> input)
    {
        Span<byte> buffer = stackalloc byte[RelayFrame.BindLength];
        int kinds = 0;
        if (RelayFrame.TryReadDataHeader(input, out ulong handle))
        {
            kinds++;
            RelayFrame.WriteDataHeader(buffer, handle);
            Check.Same(input[..RelayFrame.DataHeaderLength], buffer[..RelayFrame.DataHeaderLength], "a data header does not come back");
        }
        if (RelayFrame.TryReadCookieRequest(input, out ulong asked))
        {
            kinds++;
            RelayFrame.WriteCookieRequest(buffer, asked);
            Check.Same(input[..RelayFrame.DataHeaderLength], buffer[..RelayFrame.DataHeaderLength], "a cookie request does not come back");
            Check.That(RelayFrame.CookieFrameLength <= input.Length, "an answer that amplifies");
        }
        if (RelayFrame.TryReadCookie(input, out ulong echo, out ReadOnlySpan<byte> cookie))
        {
            kinds++;
            Check.Same(input, buffer[..RelayFrame.WriteCookie(buffer, echo, cookie)], "a cookie does not come back");
        }
        if (RelayFrame.TryReadBind(input, out BindFrame bind, out ReadOnlySpan<byte> shown))
        {
            kinds++;
            int length = RelayFrame.WriteBind(buffer, bind, shown, Key);
            Check.That(RelayFrame.VerifyBind(input, Key) == input.SequenceEqual(buffer[..length]), "a MAC that is right for another frame");
        }
        if (RelayFrame.TryReadBound(input, out BoundFrame bound))
        {
            kinds++;
            int length = RelayFrame.WriteBound(buffer, bound);
            Check.That(RelayFrame.TryReadBound(buffer[..length], out BoundFrame again) && again == bound, "a BOUND does not come back");
        }
        if (LaterFrame.TryReadAsk(input, out AskLater ask, out ReadOnlySpan<byte> proof))
        {
            kinds++;
            Check.Same(input, buffer[..LaterFrame.WriteAsk(buffer, ask, proof)], "a question does not come back");
        }
        if (LaterFrame.TryReadAnswer(input, out Later later))
        {
            kinds++;
            Check.Same(input, buffer[..LaterFrame.WriteAnswer(buffer, later)], "an answer does not come back");
        }
        Check.That(kinds <= 1, "one frame of two kinds");
    }
}
