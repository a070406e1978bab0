using Punchline.Quic.Wire;
using static Punchline.Quic.TransportErrorCode;

namespace Punchline.Quic.Tests.Adversary;

/// <summary>The table: what a peer with valid keys can do wrong in frames, and the error that it gets.</summary>
internal static class Violations
{
    /// <summary>What a stream may carry before the first MAX_STREAM_DATA, and the connection before the first MAX_DATA (our transport parameters).</summary>
    private const ulong StreamWindow = 512 * 1024;
    private const ulong ConnectionWindow = 768 * 1024;

    /// <summary>Streams that a peer may open: bidirectional, unidirectional.</summary>
    private const ulong Bidirectional = 1024;
    private const ulong Unidirectional = 16;

    private const ulong Limit60 = 1UL << 60;

    internal static IReadOnlyList<Violation> All { get; } =
    [
        .. FlowControl(), .. StreamLimits(), .. StreamStates(), .. FinalSizes(), .. Encodings(), .. ConnectionIds(), .. Acknowledgements(),
        .. Places(), .. Handshakes(), .. Punching(), .. Harmless(),
    ];

    private static IEnumerable<Violation> FlowControl() =>
    [
        One("4.1", "a byte beyond the stream's limit", FlowControlError, h => Raw.Stream(Bidi(h, 0), StreamWindow, 1)),
        One("4.1", "a byte beyond the limit of a unidirectional stream", FlowControlError, h => Raw.Stream(Uni(h, 0), StreamWindow, 1)),
        One("4.1", "a byte beyond the connection's limit", FlowControlError,
            h => [.. Raw.Stream(Bidi(h, 0), StreamWindow - 1, 1), .. Raw.Stream(Bidi(h, 1), ConnectionWindow - StreamWindow, 1)]),
        One("4.5", "a reset whose final size is beyond the stream's limit", FlowControlError, h => Raw.Ints(0x04, Bidi(h, 0), 0, StreamWindow + 1)),
        One("4.5", "resets whose final sizes are beyond the connection's limit", FlowControlError,
            h => [.. Raw.Ints(0x04, Bidi(h, 0), 0, StreamWindow), .. Raw.Ints(0x04, Bidi(h, 1), 0, StreamWindow)]),
    ];

    private static IEnumerable<Violation> StreamLimits() =>
    [
        .. Of("4.6", "a bidirectional stream too many", StreamLimitError, h => Bidi(h, Bidirectional), ["STREAM", "RESET", "STOP", "MAX_STREAM_DATA", "BLOCKED"]),
        .. Of("4.6", "a unidirectional stream too many", StreamLimitError, h => Uni(h, Unidirectional), ["STREAM", "RESET", "BLOCKED"]),
        .. Of("4.6", "a stream far too many", StreamLimitError, h => Bidi(h, (1UL << 60) - 1), ["STREAM", "RESET"]),
    ];

    private static IEnumerable<Violation> StreamStates() =>
    [
        .. Of("19.4, 19.8, 19.13", "a sender's frame on a stream that only the other side sends on", StreamStateError,
            h => TheirUni(h, 0), ["STREAM", "RESET", "BLOCKED"]),
        .. Of("19.5, 19.10", "a receiver's frame on a stream that only this side sends on", StreamStateError, h => Uni(h, 0), ["STOP", "MAX_STREAM_DATA"]),
        .. Of("19.4 to 19.13", "a frame on a stream that the other side has not opened", StreamStateError,
            h => TheirBidi(h, 900), ["STREAM", "RESET", "STOP", "MAX_STREAM_DATA", "BLOCKED"]),
        .. Of("19.5, 19.10", "a receiver's frame on a stream that the other side has not opened, unidirectional", StreamStateError,
            h => TheirUni(h, 900), ["STOP", "MAX_STREAM_DATA"]),
    ];

    private static IEnumerable<Violation> FinalSizes() =>
    [
        One("4.5", "data after the end", FinalSizeError, h => [.. Raw.Stream(Bidi(h, 0), 5, 5, fin: true), .. Raw.Stream(Bidi(h, 0), 8, 5)]),
        One("4.5", "data far after the end", FinalSizeError, h => [.. Raw.Stream(Bidi(h, 0), 5, 5, fin: true), .. Raw.Stream(Bidi(h, 0), 100, 1)]),
        One("4.5", "a later end", FinalSizeError, h => [.. Raw.Stream(Bidi(h, 0), 5, 5, fin: true), .. Raw.Stream(Bidi(h, 0), 11, 1, fin: true)]),
        One("4.5", "an earlier end", FinalSizeError, h => [.. Raw.Stream(Bidi(h, 0), 5, 5, fin: true), .. Raw.Stream(Bidi(h, 0), 6, 1, fin: true)]),
        One("4.5", "an end before the data", FinalSizeError, h => [.. Raw.Stream(Bidi(h, 0), 20, 5), .. Raw.Stream(Bidi(h, 0), 10, 1, fin: true)]),
        One("4.5", "an empty end before the data", FinalSizeError, h => [.. Raw.Stream(Uni(h, 0), 20, 5), .. Raw.Stream(Uni(h, 0), 24, 0, fin: true)]),
        One("4.5", "a reset before the data", FinalSizeError, h => [.. Raw.Stream(Bidi(h, 0), 20, 5), .. Raw.Ints(0x04, Bidi(h, 0), 0, 24)]),
        One("4.5", "a reset behind the end", FinalSizeError, h => [.. Raw.Stream(Bidi(h, 0), 5, 5, fin: true), .. Raw.Ints(0x04, Bidi(h, 0), 0, 11)]),
        One("4.5", "a reset with another final size", FinalSizeError, h => [.. Raw.Ints(0x04, Bidi(h, 0), 0, 10), .. Raw.Ints(0x04, Bidi(h, 0), 0, 11)]),
        One("4.5", "data behind the final size of a reset", FinalSizeError, h => [.. Raw.Ints(0x04, Bidi(h, 0), 0, 10), .. Raw.Stream(Bidi(h, 0), 10, 1)]),
    ];

    private static IEnumerable<Violation> Encodings() =>
    [
        One("12.4", "an unknown frame type", FrameEncodingError, _ => [0x21]),
        One("12.4", "a reserved frame type of eight bytes", FrameEncodingError, _ => Raw.Ints((31UL << 50) + 27)),
        One("12.4", "half a frame type", FrameEncodingError, _ => [0x40]),
        One("12.4", "a frame type that is longer than need be", ProtocolViolation, _ => [0x40, 0x01]),
        One("12.4", "a packet without frames", ProtocolViolation, _ => []),
        One("19.3", "a first ACK range below zero", FrameEncodingError, _ => Raw.Ints(0x02, 0, 0, 0, 1)),
        One("19.3.1", "an ACK gap below zero", FrameEncodingError, _ => Raw.Ints(0x02, 2, 0, 1, 0, 1, 0)),
        One("19.3.1", "an ACK range below zero", FrameEncodingError, _ => Raw.Ints(0x02, 3, 0, 1, 0, 0, 2)),
        One("19.3", "more ACK ranges than there are", FrameEncodingError, _ => Raw.Ints(0x02, 1, 0, Raw.Largest, 0)),
        One("19.3.2", "ECN counts that are missing", FrameEncodingError, _ => Raw.Ints(0x03, 0, 0, 0, 0, 1)),
        One("19.4", "half a RESET_STREAM", FrameEncodingError, h => Raw.Ints(0x04, Bidi(h, 0), 0)),
        One("19.5", "half a STOP_SENDING", FrameEncodingError, h => Raw.Ints(0x05, Bidi(h, 0))),
        One("19.6", "CRYPTO that is longer than its packet", FrameEncodingError, _ => Raw.Ints(0x06, 0, 10)),
        One("19.6", "CRYPTO beyond 2^62-1", FrameEncodingError, _ => [.. Raw.Ints(0x06, Raw.Largest, 1), 0]),
        One("19.7", "an empty NEW_TOKEN", FrameEncodingError, _ => Raw.Ints(0x07, 0), Roles.Server),
        One("19.7", "NEW_TOKEN that is longer than its packet", FrameEncodingError, _ => Raw.Ints(0x07, 100), Roles.Server),
        One("19.8", "STREAM that is longer than its packet", FrameEncodingError, h => Raw.Ints(0x0e, Bidi(h, 0), 0, 10)),
        One("19.8", "STREAM beyond 2^62-1", FrameEncodingError, h => [.. Raw.Ints(0x0e, Bidi(h, 0), Raw.Largest, 1), 0]),
        One("19.11", "MAX_STREAMS above 2^60, bidirectional", FrameEncodingError, _ => Raw.Ints(0x12, Limit60 + 1)),
        One("19.11", "MAX_STREAMS above 2^60, unidirectional", FrameEncodingError, _ => Raw.Ints(0x13, Limit60 + 1)),
        One("19.14", "STREAMS_BLOCKED above 2^60, bidirectional", FrameEncodingError, _ => Raw.Ints(0x16, Limit60 + 1)),
        One("19.14", "STREAMS_BLOCKED above 2^60, unidirectional", FrameEncodingError, _ => Raw.Ints(0x17, Limit60 + 1)),
        One("19.15", "NEW_CONNECTION_ID without an id", FrameEncodingError, _ => Raw.NewId(9, 0, 1, length: 0)),
        One("19.15", "NEW_CONNECTION_ID of 21 bytes", FrameEncodingError, _ => Raw.NewId(9, 0, 1, length: 21)),
        One("19.15", "NEW_CONNECTION_ID that retires itself", FrameEncodingError, _ => Raw.NewId(9, 10, 1)),
        One("19.15", "half a NEW_CONNECTION_ID", FrameEncodingError, _ => Raw.NewId(9, 0, 1)[..^1]),
        One("19.17", "half a PATH_CHALLENGE", FrameEncodingError, _ => [0x1a, 1, 2, 3]),
        One("19.18", "half a PATH_RESPONSE", FrameEncodingError, _ => [0x1b, 1, 2, 3]),
        One("19.19", "CONNECTION_CLOSE whose reason is longer than its packet", FrameEncodingError, _ => Raw.Ints(0x1c, 0, 0, 50)),
        One("RFC 9221 4", "DATAGRAM that is longer than its packet", FrameEncodingError, _ => Raw.Ints(0x31, 50)),
    ];

    private static IEnumerable<Violation> ConnectionIds() =>
    [
        One("19.15", "two ids under one number", ProtocolViolation, _ => [.. Retiring(50), .. Raw.NewId(50, 8, 2)]) with { IsHeard = false },
        One("19.15", "one id under two numbers", ProtocolViolation, _ => [.. Retiring(50), .. Raw.NewId(51, 8, 1)]) with { IsHeard = false },
        One("19.15", "two reset tokens for one id", ProtocolViolation, _ => [.. Retiring(50), .. Raw.NewId(50, 8, 1, token: 9)]) with { IsHeard = false },
        One("5.1.1", "more ids than the limit", ConnectionIdLimitError, _ => [.. Raw.NewId(50, 0, 1), .. Raw.NewId(51, 0, 2)]),
        One("5.1.2", "ids replaced faster than that can be said", ConnectionIdLimitError,
            _ => Raw.Times(40, i => Raw.NewId(50 + (ulong)i, 50 + (ulong)i, (byte)i, length: 1))) with { IsHeard = false },
        One("19.16", "an id retired that was never issued", ProtocolViolation, h => Raw.Ints(0x19, h.VictimsNextIdSequence)),
        One("19.16", "an id retired that is not even numbered yet", ProtocolViolation, _ => Raw.Ints(0x19, Raw.Largest)),
        One("19.16", "an id retired before it was sent", ProtocolViolation, h => [.. Raw.Ints(0x19, 1), .. Raw.Ints(0x19, h.VictimsNextIdSequence)]),
        One("19.16", "the id retired that carries the frame", ProtocolViolation, _ => Raw.Ints(0x19, 0)),
    ];

    private static IEnumerable<Violation> Acknowledgements() =>
    [
        One("13.1", "an acknowledgement of what was never sent", ProtocolViolation, h => Raw.Ints(0x02, h.VictimsNextNumber + 10, 0, 0, 0)),
        One("13.1", "an acknowledgement of the last number there is", ProtocolViolation, _ => Raw.Ints(0x02, Raw.Largest, 0, 0, 0)),
        new("21.4", "an acknowledgement of a number that was left out", (ulong)ProtocolViolation, static _ => [])
        {
            Act = static h =>
            {
                ulong skipped = h.SkipOne();
                h.Victim.TrySendDatagram("one"u8);
                h.Scene.Network.RunFor(TimeSpan.FromMilliseconds(100));
                h.Say(Raw.Ints(0x02, h.VictimsNextNumber - 1, 0, 0, h.VictimsNextNumber - 1 - skipped));
            },
        },
    ];

    private static IEnumerable<Violation> Places() =>
    [
        One("19.7", "NEW_TOKEN from a client", ProtocolViolation, _ => [.. Raw.Ints(0x07, 1), 1], Roles.Client),
        One("19.20", "HANDSHAKE_DONE from a client", ProtocolViolation, _ => [0x1e], Roles.Client),
        new("17.3.1", "reserved bits of a short header", (ulong)ProtocolViolation, static _ => []) { Act = static h => h.Say([1], setBits: 0x18) },
        new("RFC 9001 6.4", "a packet of newer keys with a lower number", (ulong)KeyUpdateError, static _ => [])
        {
            Act = static h =>
            {
                h.Say([1], number: h.NextNumber + 10);
                h.UpdateKeys();
                h.Say([1], number: h.NextNumber + 5);
            },
        },
        new("RFC 9001 6.1", "keys updated twice without a word in between", (ulong)KeyUpdateError, static _ => [])
        {
            Act = static h =>
            {
                // PADDING asks for no answer, so the other side says nothing under the first new keys that could be acknowledged.
                h.Mute();
                h.Scene.Network.RunFor(TimeSpan.FromMilliseconds(500));
                h.UpdateKeys();
                h.Say(new byte[10]);
                h.Scene.Network.RunFor(TimeSpan.FromMilliseconds(700));
                h.UpdateKeys();
                h.Say(new byte[10]);
            },
        },
    ];

    private static IEnumerable<Violation> Handshakes() =>
    [
        One("7.5", "CRYPTO beyond what is kept", CryptoBufferExceeded, h => Raw.Crypto(h.CryptoOffset + 65_536, 1)),
        new("7.5", "CRYPTO in very many pieces", (ulong)CryptoBufferExceeded,
            static h => Enumerable.Range(0, 4).Select(n => Raw.Times(150, i => Raw.Crypto(h.CryptoOffset + 2 + (2 * (ulong)((n * 150) + i)), 1)))),
        One("RFC 9001 6", "a KeyUpdate message of TLS", CryptoErrorBase + 10, h => Raw.Crypto(h.CryptoOffset, 24, 0, 0, 1, 0)),
        One("RFC 9846 4.7.1", "a session ticket from a client", CryptoErrorBase + 10, h => Raw.Crypto(h.CryptoOffset, 4, 0, 0, 0), Roles.Client),
        One("RFC 9846 4", "a ClientHello in mid-connection", CryptoErrorBase + 10, h => Raw.Crypto(h.CryptoOffset, 1, 0, 0, 0), Roles.Server),
        One("7.5", "a handshake message that says it is 16 MiB long", CryptoBufferExceeded, h => Raw.Crypto(h.CryptoOffset, 24, 255, 255, 255)),
    ];

    private static IEnumerable<Violation> Punching() =>
    [
        One("punch 4.1", "a sequence for two candidates", ProtocolViolation, _ => [.. Raw.Candidate(0, Address(1)), .. Raw.Candidate(0, Address(2))]),
        One("punch 4.1", "a candidate too many", ProtocolViolation, _ => Raw.Times(17, i => Raw.Candidate((ulong)i, Address(i)))),
        One("punch 4.1", "an unknown kind", FrameEncodingError, _ => Raw.Candidate(0, Address(1), kind: 4)),
        One("punch 4", "an unknown family", FrameEncodingError, _ => [.. Raw.Ints(FrameTypes.Candidate, 0), 1, 5, 1, 2, 3, 4, 9, 9]),
        One("punch 4", "port 0", FrameEncodingError, _ => [.. Raw.Candidate(0, Address(1))[..^2], 0, 0]),
        One("punch 4", "an IPv4-mapped address", FrameEncodingError,
            _ => [.. Raw.Ints(FrameTypes.Candidate, 0), 1, 6, .. new byte[10], 255, 255, 1, 2, 3, 4, 9, 9]),
        One("punch 4", "half an address", FrameEncodingError, _ => Raw.Candidate(0, Address(1))[..^1]),
        One("punch 4.3", "PUNCH without a round", FrameEncodingError, _ => Raw.Ints(FrameTypes.Punch)),
    ];

    /// <summary>What lies just within the limits, or is of no use, ends nothing: the table is not too strict.</summary>
    private static IEnumerable<Violation> Harmless() =>
    [
        Fine("4.1", "the last byte of a stream's limit", h => Raw.Stream(Bidi(h, 0), StreamWindow - 1, 1)),
        Fine("4.1", "the last byte of the connection's limit",
            h => [.. Raw.Stream(Bidi(h, 0), StreamWindow - 1, 1), .. Raw.Stream(Bidi(h, 1), ConnectionWindow - StreamWindow - 1, 1)]),
        Fine("4.6", "the last streams", h => [.. Raw.Stream(Bidi(h, Bidirectional - 1), 0, 0), .. Raw.Stream(Uni(h, Unidirectional - 1), 0, 0)]),
        Fine("4.5", "the same end twice", h => [.. Raw.Stream(Bidi(h, 0), 5, 5, fin: true), .. Raw.Stream(Bidi(h, 0), 5, 5, fin: true)]),
        Fine("4.5", "a reset at the end that is known", h => [.. Raw.Stream(Bidi(h, 0), 5, 5, fin: true), .. Raw.Ints(0x04, Bidi(h, 0), 7, 10)]),
        Fine("4.1", "limits that do not rise", h => [.. Raw.Ints(0x10, 0), .. Raw.Ints(0x12, 0), .. Raw.Ints(0x13, 0), .. Raw.Ints(0x11, Bidi(h, 0), 0)]),
        Fine("19.11", "the highest limits", _ => [.. Raw.Ints(0x10, Raw.Largest), .. Raw.Ints(0x12, Limit60), .. Raw.Ints(0x13, Limit60)]),
        Fine("19.12 to 19.14", "blocked at any number", _ => [.. Raw.Ints(0x14, Raw.Largest), .. Raw.Ints(0x16, Limit60), .. Raw.Ints(0x17, Limit60)]),
        Fine("19.18", "an answer to no challenge", _ => [0x1b, 1, 2, 3, 4, 5, 6, 7, 8]),
        Fine("19.3", "an old acknowledgement with the longest delay", _ => Raw.Ints(0x02, 0, Raw.Largest, 0, 0)),
        Fine("19.15", "NEW_CONNECTION_ID at the limit", _ => Raw.NewId(50, 1, 1)),
        Fine("RFC 9221 4", "empty DATAGRAM frames", _ => Raw.Times(100, static _ => [0x31, 0])),
        Fine("punch 4.1", "as many candidates as may be", _ => Raw.Times(16, i => Raw.Candidate((ulong)i, Address(i)))),
        Fine("punch 4.3", "a round beyond all numbers", _ => Raw.Ints(FrameTypes.Punch, Raw.Largest)),
        Fine("punch 4.2", "candidates gone that never came", _ => Raw.Times(100, i => Raw.CandidateGone((ulong)i))),
    ];

    private static Violation One(string section, string name, TransportErrorCode code, Func<Hostile, byte[]> frames, Roles by = Roles.Both) =>
        new(section, name, (ulong)code, h => [frames(h)], by);

    private static Violation Fine(string section, string name, Func<Hostile, byte[]> frames) => new(section, name, null, h => [frames(h)]);

    /// <summary>The same stream in each of the frames that name one.</summary>
    private static IEnumerable<Violation> Of(string section, string name, TransportErrorCode code, Func<Hostile, ulong> stream, string[] frames) =>
        frames.Select(frame => One(section, $"{name}: {frame}", code, h => frame switch
        {
            "STREAM" => Raw.Stream(stream(h), 0, 1),
            "RESET" => Raw.Ints(0x04, stream(h), 0, 0),
            "STOP" => Raw.Ints(0x05, stream(h), 0),
            "MAX_STREAM_DATA" => Raw.Ints(0x11, stream(h), 1000),
            _ => Raw.Ints(0x15, stream(h), 0),
        }));

    /// <summary>An id that takes the place of all before it but those of the first numbers.</summary>
    private static byte[] Retiring(ulong sequence) => Raw.NewId(sequence, 8, 1);

    private static ulong Bidi(Hostile h, ulong ordinal) => (ordinal << 2) | (h.IsClient ? 0u : 1u);

    private static ulong Uni(Hostile h, ulong ordinal) => Bidi(h, ordinal) | 2;

    private static ulong TheirBidi(Hostile h, ulong ordinal) => (ordinal << 2) | (h.IsClient ? 1u : 0u);

    private static ulong TheirUni(Hostile h, ulong ordinal) => TheirBidi(h, ordinal) | 2;

    private static UdpAddress Address(int host) => UdpAddress.FromBytes([198, 51, 100, (byte)(1 + host)], 0, 4000);
}
