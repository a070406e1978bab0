using CsCheck;
using Punchline.Quic.Tls;
using Xunit;
using static Punchline.Quic.Tests.Tls.TlsAssert;

namespace Punchline.Quic.Tests.Tls;

/// <summary>An attacker changes bytes: nobody completes with a peer that saw something else, and nothing throws.</summary>
public sealed class AlterationTests
{
    /// <summary>Each try is half a handshake, so not every length is tried: odd steps still meet every kind of field.</summary>
    private const int CutStep = 11;

    private const int ShorteningStep = 5;

    private static readonly TlsPair Reference = RunReference();

    /// <summary>Every byte of every message, by message; which of its bits flip is derived from its place.</summary>
    public static TheoryData<int> MessageNumbers => [.. Enumerable.Range(0, Reference.Messages.Count)];

    [Theory]
    [MemberData(nameof(MessageNumbers))]
    public void Flipping_any_byte_keeps_the_receiver_from_completing(int number)
    {
        var message = Reference.Messages[number];
        for (int position = 0; position < message.Bytes.Length; position++)
        {
            byte mask = (byte)(1 << ((position * 5 + number) % 8));
            AssertNeverCompletes(number, Flip(message.Bytes, position, mask), $"byte {position}, mask {mask:x2}");
        }
    }

    [Theory]
    [MemberData(nameof(MessageNumbers))]
    public void Cutting_a_message_anywhere_keeps_the_receiver_from_completing(int number)
    {
        var message = Reference.Messages[number];
        // Cut off, so that the next message's bytes are read as its rest.
        for (int length = 0; length < message.Bytes.Length; length += CutStep)
            AssertNeverCompletes(number, message.Bytes[..length], $"cut at {length}");
        // Shortened, with a header that tells of no more than there is.
        for (int length = 4 + number % ShorteningStep; length < message.Bytes.Length; length += ShorteningStep)
            AssertNeverCompletes(number, MessageEditor.Message(message.Type, message.Bytes[4..length]), $"shortened to {length}");
    }

    [Theory]
    [MemberData(nameof(MessageNumbers))]
    public void Bytes_added_to_a_message_keep_the_receiver_from_completing(int number)
    {
        var message = Reference.Messages[number];
        AssertNeverCompletes(number, MessageEditor.Message(message.Type, [.. message.Bytes[4..], 0]), "one byte more");
    }

    [Fact]
    public void Random_bytes_at_any_state_never_throw_nor_complete() =>
        Gen.Select(Gen.Int[0, Reference.Messages.Count - 1], Gen.Byte[1, 25], Gen.Byte.Array[0, 300]).Sample(
            (number, type, body) => AssertNeverCompletes(number, MessageEditor.Message((HandshakeType)type, body), "random"),
            iter: 600, threads: 1, seed: "0000KrPm2Cz1");

    [Fact]
    public void Several_random_changes_never_throw_nor_complete() =>
        Gen.Select(Gen.Int[0, Reference.Messages.Count - 1], Gen.Select(Gen.Int[4, 2000], Gen.Byte[1, 255]).Array[1, 6]).Sample(
            (number, changes) =>
            {
                byte[] bytes = [.. Reference.Messages[number].Bytes];
                foreach (var (position, mask) in changes.DistinctBy(c => c.Item1 % bytes.Length))
                    bytes[position % bytes.Length] ^= mask;
                AssertNeverCompletes(number, bytes, "several changes");
            },
            iter: 400, threads: 1, seed: "0000KrPm2Cz2");

    private static TlsPair RunReference()
    {
        var (client, server) = TlsPair.Mutual(seed: 5);
        var pair = new TlsPair(client, server).Run();
        HandshakeTests.AssertAgreement(pair);
        return pair;
    }

    /// <summary>
    /// Replays the reference handshake, which its seed repeats, up to a message; delivers another in its place; then goes on with what
    /// the reference sent. A change to what a side receives must stop that side; the other has completed only if it had before.
    /// </summary>
    private static void AssertNeverCompletes(int number, byte[] altered, string what)
    {
        var message = Reference.Messages[number];
        var (clientOptions, serverOptions) = TlsPair.Mutual(seed: 5);
        using var receiver = new TlsSession(message.FromClient ? serverOptions : clientOptions);
        if (!message.FromClient)
            Assert.Null(receiver.Start());
        QuicError? error = null;
        for (int i = 0; i < Reference.Messages.Count; i++)
        {
            var next = Reference.Messages[i];
            if (next.FromClient != message.FromClient)
                continue;
            error = receiver.Receive(next.Level, i == number ? altered : next.Bytes);
            if (i < number)
                Assert.Null(error);
        }
        // A changed ClientHello may be a good ClientHello: then it is the client, or our wait for its Finished, that ends it.
        bool completed = receiver.IsComplete;
        Assert.False(completed, $"{message.Type} by the {(message.FromClient ? "client" : "server")}: {what}");
        if (error is not null)
            Assert.NotEqual("", error.Reason);
    }
}
