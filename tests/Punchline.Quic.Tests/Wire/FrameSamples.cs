namespace Punchline.Quic.Tests.Wire;

/// <summary>Frames as bytes, laid out by hand from RFC 9000 section 19, RFC 9221 section 4 and docs/wire/punch.md.</summary>
internal static class FrameSamples
{
    /// <summary>As our own writer makes them: the shortest integers, always with a length.</summary>
    public static readonly (string Hex, string Text)[] Canonical =
    [
        ("00", "PADDING"),
        ("01", "PING"),
        ("02 00 00 00 00", "ACK delay 0 0-0"),
        ("02 0a 4040 00 03", "ACK delay 64 10-7"),
        ("02 14 05 02 02  01 03  00 00", "ACK delay 5 20-18 15-12 10-10"),
        ("03 14 05 00 02  01 4040 00", "ACK delay 5 20-18 ecn 1,64,0"),
        ("04 04 4100 800f4240", "RESET_STREAM 4 code 256 size 1000000"),
        ("05 08 07", "STOP_SENDING 8 code 7"),
        ("06 40ff 03 010203", "CRYPTO +255 010203"),
        ("07 02 abcd", "NEW_TOKEN abcd"),
        ("0a 04 02 6869", "STREAM 4+0 6869"),
        ("0b 04 00", "STREAM 4+0 fin "),
        ("0e 4044 80010000 01 ff", "STREAM 68+65536 ff"),
        ("0f 00 05 01 21", "STREAM 0+5 fin 21"),
        ("10 bfffffff", "MAX_DATA 1073741823"),
        ("11 0c 4400", "MAX_STREAM_DATA 12 1024"),
        ("12 d000000000000000", "MAX_STREAMS bidi 1152921504606846976"),
        ("13 03", "MAX_STREAMS uni 3"),
        ("14 40c8", "DATA_BLOCKED 200"),
        ("15 03 00", "STREAM_DATA_BLOCKED 3 0"),
        ("16 04", "STREAMS_BLOCKED bidi 4"),
        ("17 d000000000000000", "STREAMS_BLOCKED uni 1152921504606846976"),
        ("18 05 02 04 a1a2a3a4 000102030405060708090a0b0c0d0e0f",
            "NEW_CONNECTION_ID 5 retire 2 id a1a2a3a4 token 000102030405060708090a0b0c0d0e0f"),
        ("19 07", "RETIRE_CONNECTION_ID 7"),
        ("1a 0123456789abcdef", "PATH_CHALLENGE 0123456789abcdef"),
        ("1b fedcba9876543210", "PATH_RESPONSE fedcba9876543210"),
        ("1c 0a 06 03 626164", "CONNECTION_CLOSE transport 10 on 6 626164"),
        ("1d 4100 00", "CONNECTION_CLOSE application 256 on 0 "),
        ("1e", "HANDSHAKE_DONE"),
        ("31 03 010203", "DATAGRAM 010203"),
        ("31 00", "DATAGRAM "),
        .. Punch,
    ];

    /// <summary>The samples of docs/wire/punch.md, byte for byte: a test compares them with the document.</summary>
    public static (string Hex, string Text)[] Punch =>
    [
        ("b1504300 00 00 04 c0000201 c350", "CANDIDATE 0 Host 192.0.2.1:50000"),
        ("b1504300 4046 03 06 20010db8000000000000000000000001 01bb", "CANDIDATE 70 Mapped [2001:db8::1]:443"),
        ("b1504301 01", "CANDIDATE_GONE 1"),
        ("b1504302 03", "PUNCH 3"),
        ("b1504303 02 04 cb007107 0d96", "OBSERVED_ADDRESS 2 203.0.113.7:3478"),
    ];

    /// <summary>What others may send though we don't: no length, offset 0 spelt out, longer integers than need be.</summary>
    public static readonly (string Hex, string Text)[] Foreign =
    [
        ("08 04 6869", "STREAM 4+0 6869"),
        ("09 04", "STREAM 4+0 fin "),
        ("0c 04 05 6869", "STREAM 4+5 6869"),
        ("0e 04 00 01 aa", "STREAM 4+0 aa"),
        ("30 010203", "DATAGRAM 010203"),
        ("30", "DATAGRAM "),
        ("10 c000000000000005", "MAX_DATA 5"),
        ("31 4001 7f", "DATAGRAM 7f"),
    ];

    /// <summary>What is FRAME_ENCODING_ERROR though the bytes suffice.</summary>
    public static readonly (string Hex, string Why)[] Malformed =
    [
        ("02 04 00 00 05", "the first range goes below 0"),
        ("02 14 00 01 02  11 00", "the gap goes below 0"),
        ("02 14 00 01 02  00 11", "the second range goes below 0"),
        ("02 14 00 3f 02  00 00", "more ranges than bytes"),
        ("02 14 00 ffffffffffffffff 02  00 00", "far more ranges than bytes"),
        ("02 ffffffffffffffff 00 01 00  ffffffffffffffff ffffffffffffffff", "the largest gap and the largest range"),
        ("06 ffffffffffffffff 01 00", "crypto data beyond 2^62-1"),
        ("07 00", "an empty token"),
        ("0e 04 ffffffffffffffff 01 00", "stream data beyond 2^62-1"),
        ("0c 04 ffffffffffffffff 00", "stream data beyond 2^62-1 without a length"),
        ("12 d000000000000001", "more than 2^60 streams"),
        ("13 ffffffffffffffff", "more than 2^60 streams"),
        ("16 d000000000000001", "blocked above 2^60 streams"),
        ("17 d000000000000001", "blocked above 2^60 streams"),
        ("18 05 06 04 a1a2a3a4 000102030405060708090a0b0c0d0e0f", "retires beyond its own sequence"),
        ("18 05 02 00 000102030405060708090a0b0c0d0e0f", "an empty connection id"),
        ("18 05 02 15 000102030405060708090a0b0c0d0e0f1011121314 000102030405060708090a0b0c0d0e0f", "an id of 21 bytes"),
        ("b1504300 00 04 04 c0000201 c350", "an unknown kind of candidate"),
        ("b1504300 00 00 05 c0000201 c350", "an unknown family"),
        ("b1504300 00 00 04 c0000201 0000", "port 0"),
        ("b1504300 00 00 06 00000000000000000000ffffc0000201 c350", "IPv4 as IPv6"),
        ("b1504303 00 00 c0000201 c350", "an unknown family"),
        ("1f", "an unknown frame"),
        ("b1504304 00", "an unknown frame beside ours"),
    ];
}
