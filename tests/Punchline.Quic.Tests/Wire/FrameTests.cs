using CsCheck;
using Punchline.Quic.Wire;
using Xunit;

namespace Punchline.Quic.Tests.Wire;

public class FrameTests
{
    /// <summary>More than any frame that a test makes.</summary>
    private const int Room = 4096;

    public static TheoryData<string, string> Canonical => ToData(FrameSamples.Canonical);

    public static TheoryData<string, string> Foreign => ToData(FrameSamples.Foreign);

    public static TheoryData<string, string> Malformed => ToData(FrameSamples.Malformed);

    [Theory]
    [MemberData(nameof(Canonical))]
    public void A_sample_reads_and_writes_byte_for_byte(string hex, string expected)
    {
        byte[] bytes = Hex.Bytes(hex);

        (string text, byte[] again) = ReadWhole(bytes);

        Assert.Equal(expected, text);
        Assert.Equal(Hex.Text(bytes), Hex.Text(again));
    }

    [Theory]
    [MemberData(nameof(Foreign))]
    public void What_others_may_send_reads_and_becomes_canonical(string hex, string expected)
    {
        (string text, byte[] again) = ReadWhole(Hex.Bytes(hex));

        Assert.Equal(expected, text);
        Assert.Equal(expected, ReadWhole(again).Text);
    }

    [Theory]
    [MemberData(nameof(Malformed))]
    public void What_is_malformed_is_refused(string hex, string why)
    {
        var r = new WireReader(Hex.Bytes(hex));
        var again = new WireWriter(new byte[Room]);

        Assert.False(FrameText.TryRead(ref r, ref again, out string text, out _), $"{why}, yet read as {text}");
    }

    [Theory]
    [MemberData(nameof(Canonical))]
    public void A_frame_cut_anywhere_is_refused(string hex, string expected)
    {
        byte[] bytes = Hex.Bytes(hex);
        for (int cut = 0; cut < bytes.Length; cut++)
        {
            var r = new WireReader(bytes.AsSpan(0, cut));
            var again = new WireWriter(new byte[Room]);
            Assert.False(FrameText.TryRead(ref r, ref again, out string text, out _), $"{expected} cut to {cut} bytes, yet read as {text}");
        }
    }

    /// <summary>Whatever the bytes: no exception, and what was read stays the same through our own writer.</summary>
    [Fact]
    public void Altered_frames_are_read_the_same_again_or_refused()
    {
        (string Hex, string)[] all = [.. FrameSamples.Canonical, .. FrameSamples.Foreign, .. FrameSamples.Malformed];
        byte[][] samples = [.. all.Select(sample => Hex.Bytes(sample.Hex))];
        Gen<byte[]> altered = Gen.Select(
            Gen.Int[0, samples.Length - 1], Gen.Select(Gen.Int[0, 40], Gen.Byte).Array[1, 4], Gen.Byte.Array[0, 12],
            (index, changes, tail) =>
            {
                byte[] bytes = [.. samples[index], .. tail];
                foreach ((int at, byte value) in changes)
                    bytes[at % bytes.Length] = value;
                return bytes;
            });
        altered.Sample(ReadAllTwice, iter: 20_000);
    }

    [Fact]
    public void Random_bytes_are_read_the_same_again_or_refused() => Gen.Byte.Array[0, 100].Sample(ReadAllTwice, iter: 20_000);

    [Fact]
    public void Ack_holds_the_ranges_that_were_written() =>
        Gen.Select(WireGen.Ranges, WireGen.VarInt, Gen.Bool, Gen.Select(WireGen.VarInt, WireGen.VarInt, WireGen.VarInt)).Sample(
            (ranges, delay, withEcn, counts) =>
            {
                EcnCounts? ecn = withEcn ? new EcnCounts(counts.Item1, counts.Item2, counts.Item3) : null;
                byte[] bytes = new byte[Room];
                var w = new WireWriter(bytes);
                Assert.True(AckFrame.TryWrite(ref w, ranges, delay, ecn));

                Assert.Equal(ranges, ReadRanges(w.Written, delay, ecn));
            });

    [Fact]
    public void Ack_takes_as_many_of_the_highest_ranges_as_fit() => Gen.Select(WireGen.Ranges, Gen.Int[0, 700]).Sample((ranges, room) =>
    {
        byte[] bytes = new byte[Room];
        var w = new WireWriter(bytes.AsSpan(0, room));
        if (!AckFrame.TryWrite(ref w, ranges, 25, null))
        {
            Assert.Equal(0, w.Position);
            Assert.True(room < LengthWith(1), "one range would have fitted");
            return;
        }
        PacketRange[] read = ReadRanges(w.Written, 25, null);
        Assert.Equal(ranges[..read.Length], read);
        Assert.Equal(LengthWith(read.Length), w.Position);
        Assert.True(read.Length == ranges.Length || LengthWith(read.Length + 1) > room, "one more range would have fitted");

        int LengthWith(int count)
        {
            var all = new WireWriter(new byte[Room]);
            Assert.True(AckFrame.TryWrite(ref all, ranges.AsSpan(0, count), 25, null));
            return all.Position;
        }
    });

    [Fact]
    public void Ack_of_nothing_is_not_written()
    {
        var w = new WireWriter(new byte[Room]);

        Assert.False(AckFrame.TryWrite(ref w, [], 0, null));
        Assert.Equal(0, w.Position);
    }

    [Fact]
    public void Stream_and_crypto_and_datagram_round_trip() =>
        Gen.Select(WireGen.StreamId, WireGen.VarInt, WireGen.Bytes, Gen.Bool).Sample((id, anyOffset, data, fin) =>
        {
            ulong offset = Math.Min(anyOffset, VarInt.MaxValue - (ulong)data.Length);
            byte[] bytes = new byte[Room];

            var w = new WireWriter(bytes);
            StreamFrame.WriteHeader(ref w, id, offset, data.Length, fin);
            Assert.Equal(StreamFrame.HeaderLength(id, offset, data.Length), w.Position);
            w.WriteBytes(data);
            Assert.Equal($"STREAM {id}+{offset}{(fin ? " fin" : "")} {Hex.Text(data)}", ReadWhole(w.Written).Text);

            w = new WireWriter(bytes);
            CryptoFrame.WriteHeader(ref w, offset, data.Length);
            Assert.Equal(CryptoFrame.HeaderLength(offset, data.Length), w.Position);
            w.WriteBytes(data);
            Assert.Equal($"CRYPTO +{offset} {Hex.Text(data)}", ReadWhole(w.Written).Text);

            w = new WireWriter(bytes);
            DatagramFrame.WriteHeader(ref w, data.Length);
            Assert.Equal(DatagramFrame.HeaderLength(data.Length), w.Position);
            w.WriteBytes(data);
            Assert.Equal($"DATAGRAM {Hex.Text(data)}", ReadWhole(w.Written).Text);
        });

    [Fact]
    public void Frames_of_numbers_round_trip() =>
        Gen.Select(WireGen.StreamId, WireGen.VarInt, WireGen.VarInt, Gen.Bool, Gen.ULong).Sample((id, a, b, flag, data) =>
        {
            ulong streams = Math.Min(a, MaxStreamsFrame.Limit);
            Check((ref w) => new ResetStreamFrame(id, a, b).Write(ref w), $"RESET_STREAM {id} code {a} size {b}");
            Check((ref w) => new StopSendingFrame(id, a).Write(ref w), $"STOP_SENDING {id} code {a}");
            Check((ref w) => new MaxDataFrame(a).Write(ref w), $"MAX_DATA {a}");
            Check((ref w) => new MaxStreamDataFrame(id, a).Write(ref w), $"MAX_STREAM_DATA {id} {a}");
            Check((ref w) => new MaxStreamsFrame(flag, streams).Write(ref w), $"MAX_STREAMS {(flag ? "bidi" : "uni")} {streams}");
            Check((ref w) => new DataBlockedFrame(a).Write(ref w), $"DATA_BLOCKED {a}");
            Check((ref w) => new StreamDataBlockedFrame(id, a).Write(ref w), $"STREAM_DATA_BLOCKED {id} {a}");
            Check((ref w) => new StreamsBlockedFrame(flag, streams).Write(ref w), $"STREAMS_BLOCKED {(flag ? "bidi" : "uni")} {streams}");
            Check((ref w) => new RetireConnectionIdFrame(a).Write(ref w), $"RETIRE_CONNECTION_ID {a}");
            Check((ref w) => new PathChallengeFrame(data).Write(ref w), $"PATH_CHALLENGE {data:x16}");
            Check((ref w) => new PathResponseFrame(data).Write(ref w), $"PATH_RESPONSE {data:x16}");
            Check((ref w) => new CandidateGoneFrame(a).Write(ref w), $"CANDIDATE_GONE {a}");
            Check((ref w) => new PunchFrame(a).Write(ref w), $"PUNCH {a}");
        });

    [Fact]
    public void Frames_with_bytes_round_trip() =>
        Gen.Select(WireGen.VarInt, WireGen.VarInt, WireGen.SomeConnectionId, WireGen.Token16, WireGen.SomeBytes, Gen.Bool).Sample(
            (a, b, id, token, bytes, application) =>
            {
                (ulong sequence, ulong retire) = (Math.Max(a, b), Math.Min(a, b));
                Check((ref w) => new NewTokenFrame(bytes).Write(ref w), $"NEW_TOKEN {Hex.Text(bytes)}");
                Check((ref w) => new NewConnectionIdFrame(sequence, retire, id, token).Write(ref w),
                    $"NEW_CONNECTION_ID {sequence} retire {retire} id {id} token {Hex.Text(token)}");
                Check((ref w) => new ConnectionCloseFrame(application, a, b, bytes).Write(ref w),
                    $"CONNECTION_CLOSE {(application ? "application" : "transport")} {a} on {(application ? 0 : b)} {Hex.Text(bytes)}");
            });

    [Fact]
    public void Frames_with_addresses_round_trip() => Gen.Select(WireGen.VarInt, WireGen.Candidate).Sample((sequence, candidate) =>
    {
        Check(
            (ref w) => new CandidateFrame(sequence, candidate).Write(ref w),
            $"CANDIDATE {sequence} {candidate.Kind} {candidate.Address}");
        Check(
            (ref w) => new ObservedAddressFrame(sequence, candidate.Address).Write(ref w),
            $"OBSERVED_ADDRESS {sequence} {candidate.Address}");
    });

    [Fact]
    public void What_is_not_an_address_never_goes_onto_the_wire()
    {
        Assert.Throws<InvalidOperationException>(() => Write((ref w) => new ObservedAddressFrame(0, default).Write(ref w)));
        UdpAddress withoutPort = UdpAddress.FromBytes([192, 0, 2, 1], 0, 0);
        Assert.Throws<InvalidOperationException>(() => Write((ref w) => new ObservedAddressFrame(0, withoutPort).Write(ref w)));
    }

    private delegate void Writing(ref WireWriter w);

    private static byte[] Write(Writing write)
    {
        var w = new WireWriter(new byte[Room]);
        write(ref w);
        return w.Written.ToArray();
    }

    private static void Check(Writing write, string expected) => Assert.Equal(expected, ReadWhole(Write(write)).Text);

    /// <summary>Reads one frame that is all there is; the frame's own length must be what it takes on the wire.</summary>
    private static (string Text, byte[] Again) ReadWhole(ReadOnlySpan<byte> bytes)
    {
        var r = new WireReader(bytes);
        var again = new WireWriter(new byte[Room]);
        Assert.True(FrameText.TryRead(ref r, ref again, out string text, out int length), $"not read: {Hex.Text(bytes)}");
        Assert.True(r.IsEmpty, $"{r.Remaining} bytes left of {Hex.Text(bytes)}");
        Assert.Equal(length, again.Position);
        return (text, again.Written.ToArray());
    }

    private static void ReadAllTwice(byte[] bytes)
    {
        var r = new WireReader(bytes);
        var again = new WireWriter(new byte[Room]);
        while (FrameText.TryRead(ref r, ref again, out string text, out int length))
        {
            Assert.Equal(length, again.Position);
            (string textAgain, _) = ReadWhole(again.Written);
            Assert.Equal(text, textAgain);
            again = new WireWriter(new byte[Room]);
        }
    }

    private static PacketRange[] ReadRanges(ReadOnlySpan<byte> frame, ulong delay, EcnCounts? ecn)
    {
        var r = new WireReader(frame);
        Assert.True(FrameTypes.TryReadType(ref r, out ulong type, out _));
        Assert.True(AckFrame.TryRead(ref r, type, out AckFrame ack));
        Assert.True(r.IsEmpty);
        Assert.Equal(delay, ack.Delay);
        Assert.Equal(ecn, ack.Ecn);
        var ranges = new List<PacketRange>();
        foreach (PacketRange range in ack)
            ranges.Add(range);
        return [.. ranges];
    }

    private static TheoryData<string, string> ToData((string, string)[] samples)
    {
        var data = new TheoryData<string, string>();
        foreach ((string hex, string text) in samples)
            data.Add(hex, text);
        return data;
    }
}
