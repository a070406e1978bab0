using CsCheck;
using Punchline.Quic.Wire;
using Xunit;

namespace Punchline.Quic.Tests.Wire;

public class TransportParametersTests
{
    /// <summary>The quic_transport_parameters of the ClientHello in RFC 9001 appendix A.2.</summary>
    private const string ClientOfTheRfc =
        "0408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e51570806048000ffff";

    private const string Token = "000102030405060708090a0b0c0d0e0f";

    [Fact]
    public void Reads_those_of_the_RFC()
    {
        TransportParameters p = Read(ClientOfTheRfc, fromClient: true);

        Assert.Equal(VarInt.MaxValue, p.InitialMaxData);
        Assert.Equal(65535ul, p.InitialMaxStreamDataBidiLocal);
        Assert.Equal(65535ul, p.InitialMaxStreamDataBidiRemote);
        Assert.Equal(65535ul, p.InitialMaxStreamDataUni);
        Assert.Equal(16ul, p.InitialMaxStreamsBidi);
        Assert.Equal(16ul, p.InitialMaxStreamsUni);
        Assert.Equal(30_000ul, p.MaxIdleTimeoutMilliseconds);
        Assert.Equal(new ConnectionId(Hex.Bytes("8394c8f03e515708")), p.InitialSourceConnectionId);
    }

    [Fact]
    public void What_is_absent_has_its_default()
    {
        TransportParameters p = Read("", fromClient: true);

        Assert.Empty(new TransportParameters().Write());
        Assert.Equal(65527ul, p.MaxUdpPayloadSize);
        Assert.Equal(3ul, p.AckDelayExponent);
        Assert.Equal(25ul, p.MaxAckDelayMilliseconds);
        Assert.Equal(2ul, p.ActiveConnectionIdLimit);
        Assert.Equal(0ul, p.MaxDatagramFrameSize);
        Assert.Equal(0, p.PunchCandidateLimit);
        Assert.False(p.DisableActiveMigration);
        Assert.Null(p.InitialSourceConnectionId);
        Assert.Null(p.OriginalDestinationConnectionId);
        Assert.Null(p.RetrySourceConnectionId);
        Assert.Null(p.StatelessResetToken);
        Assert.Null(p.PreferredAddress);
    }

    [Theory]
    [InlineData("0105" + "8000001000", "a byte behind the integer")]
    [InlineData("0103" + "800000", "an integer cut short")]
    [InlineData("0100", "no integer at all")]
    [InlineData("1b04" + "ffffff", "a value cut short")]
    [InlineData("1bffffffffffffffff" + "00", "a length beyond everything")]
    public void What_is_malformed_is_refused(string hex, string why) => Refuse(hex, fromClient: false, why);

    /// <summary>Each parameter at the edge of what section 18.2 permits, as bytes, and one step beyond it.</summary>
    [Theory]
    [InlineData("030244b0", "030244af")]
    [InlineData("0808d000000000000000", "0808d000000000000001")]
    [InlineData("0908d000000000000000", "0908d000000000000001")]
    [InlineData("0a0114", "0a0115")]
    [InlineData("0b027fff", "0b0480004000")]
    [InlineData("0c00", "0c0100")]
    [InlineData("0e0102", "0e0101")]
    [InlineData("0f14" + "0102030405060708090a0b0c0d0e0f1011121314", "0f15" + "0102030405060708090a0b0c0d0e0f101112131415")]
    [InlineData("0014" + "0102030405060708090a0b0c0d0e0f1011121314", "0015" + "0102030405060708090a0b0c0d0e0f101112131415")]
    [InlineData("0210" + Token, "0211" + Token + "10")]
    [InlineData("0210" + Token, "020f" + "000102030405060708090a0b0c0d0e")]
    [InlineData("200480010000", "2003800100")]
    [InlineData("c0000050554e43480101", "c0000050554e43480100")]
    [InlineData("c0000050554e43480110", "c0000050554e43480111")]
    [InlineData("c0000050554e43480110", "c0000050554e434800")]
    public void Values_are_taken_up_to_their_limit_and_no_further(string good, string bad)
    {
        Read(good, fromClient: false);
        Refuse(bad, fromClient: false, "one step beyond the limit");
    }

    [Theory]
    [InlineData("0000")]
    [InlineData("0210" + Token)]
    [InlineData("0d" + "2a" + "c0000201" + "01bb" + "20010db8000000000000000000000001" + "01bb" + "01" + "aa" + Token)]
    [InlineData("1000")]
    public void What_is_the_servers_a_client_must_not_send(string hex)
    {
        Read(hex, fromClient: false);
        Refuse(hex, fromClient: true, "a client sent it");
    }

    [Theory]
    [InlineData("040101" + "040101")]
    [InlineData("040101" + "040102")]
    [InlineData("c0000000000000040101" + "040102")]
    [InlineData("1b00" + "1b00")]
    public void None_may_come_twice(string hex) => Refuse(hex, fromClient: true, "it came twice");

    [Fact]
    public void Unknown_and_reserved_ones_are_ignored()
    {
        TransportParameters p = Read("1b03aabbcc" + "040105" + "7fff00" + "ffffffffffffffff0100", fromClient: true);

        Assert.Equal(5ul, p.InitialMaxData);
    }

    [Fact]
    public void Our_own_parameters_are_as_documented()
    {
        Assert.Equal("c0000050554e43480110", Hex.Text(new TransportParameters { PunchCandidateLimit = 16 }.Write()));
        Assert.Equal("200480010000", Hex.Text(new TransportParameters { MaxDatagramFrameSize = 65536 }.Write()));
    }

    [Fact]
    public void Preferred_address_is_laid_out_as_in_section_18_2()
    {
        const string Both = "0d2a" + "c0000201" + "01bb" + "20010db8000000000000000000000001" + "01bc" + "01" + "aa" + Token;
        var p = new TransportParameters
        {
            PreferredAddress = new PreferredAddress(
                UdpAddress.FromBytes([192, 0, 2, 1], 0, 443), UdpAddress.FromBytes(Hex.Bytes("20010db8000000000000000000000001"), 0, 444),
                new ConnectionId([0xaa]), Hex.Bytes(Token)),
        };
        Assert.Equal(Both, Hex.Text(p.Write()));
        PreferredAddress read = Read(Both, fromClient: false).PreferredAddress!;
        Assert.Equal(p.PreferredAddress.IPv4, read.IPv4);
        Assert.Equal(p.PreferredAddress.IPv6, read.IPv6);
        Assert.Equal(p.PreferredAddress.ConnectionId, read.ConnectionId);
        Assert.Equal(p.PreferredAddress.ResetToken, read.ResetToken);

        const string OnlyIPv4 = "0d2a" + "c0000201" + "01bb" + "00000000000000000000000000000000" + "0000" + "01" + "aa" + Token;
        PreferredAddress only = Read(OnlyIPv4, fromClient: false).PreferredAddress!;
        Assert.True(only.IPv6.IsNone);
        Assert.Equal(OnlyIPv4, Hex.Text(new TransportParameters { PreferredAddress = only }.Write()));

        const string Endpoints = "c0000201" + "01bb" + "20010db8000000000000000000000001" + "01bc";
        Refuse("0d29" + Endpoints + "00" + Token, false, "an empty connection id");
        Refuse("0d2b" + Endpoints + "01" + "aa" + Token + "00", false, "a trailing byte");
        Refuse("0d29" + Endpoints + "01" + "aa" + Token[2..], false, "a short token");
    }

    [Fact]
    public void All_of_them_round_trip() => Gen.Select(
        Gen.Select(WireGen.VarInt.Array[9], Gen.Bool, Gen.Int[0, 16]),
        Gen.Select(WireGen.ConnectionId, WireGen.ConnectionId, WireGen.ConnectionId, WireGen.Token16)).Sample((numbers, ids) =>
        {
            (ulong[] n, bool flag, int punch) = numbers;
            var p = new TransportParameters
            {
                OriginalDestinationConnectionId = ids.Item1,
                MaxIdleTimeoutMilliseconds = n[0],
                StatelessResetToken = ids.Item4,
                MaxUdpPayloadSize = Math.Max(1200, n[1]),
                InitialMaxData = n[2],
                InitialMaxStreamDataBidiLocal = n[3],
                InitialMaxStreamDataBidiRemote = n[4],
                InitialMaxStreamDataUni = n[5],
                InitialMaxStreamsBidi = Math.Min(1UL << 60, n[6]),
                InitialMaxStreamsUni = Math.Min(1UL << 60, n[7]),
                AckDelayExponent = n[0] % 21,
                MaxAckDelayMilliseconds = n[1] % 16384,
                DisableActiveMigration = flag,
                ActiveConnectionIdLimit = Math.Max(2, n[8]),
                InitialSourceConnectionId = ids.Item2,
                RetrySourceConnectionId = ids.Item3,
                MaxDatagramFrameSize = n[4],
                PunchCandidateLimit = punch,
            };

            TransportParameters q = Read(Hex.Text(p.Write()), fromClient: false);

            Assert.Equal(p.StatelessResetToken, q.StatelessResetToken);
            Assert.Equal(Line(p), Line(q));
            Assert.Equal(p.Write(), q.Write());
        });

    [Fact]
    public void Cut_short_they_are_refused_or_a_shorter_list()
    {
        byte[] bytes = Hex.Bytes(ClientOfTheRfc);
        int[] ends = [0, 10, 16, 22, 25, 31, 34, 44, 50];
        Assert.Equal(bytes.Length, ends[^1]);

        for (int cut = 0; cut <= bytes.Length; cut++)
            Assert.Equal(ends.Contains(cut), TransportParameters.TryRead(bytes.AsSpan(0, cut), true, out _, out _));
    }

    /// <summary>Whatever the bytes: no exception, a reason with each refusal, and what was read is the same again.</summary>
    [Fact]
    public void Altered_and_random_bytes_are_read_the_same_again_or_refused()
    {
        const string PreferredAddress = "0d2a" + "c0000201" + "01bb" + "20010db8000000000000000000000001" + "01bc" + "01" + "aa" + Token;
        byte[] sample =
            Hex.Bytes(ClientOfTheRfc + "0210" + Token + "1001aa" + "0c00" + "c0000050554e43480110" + PreferredAddress);
        Gen.Select(Gen.Bool, Gen.Byte.Array[0, 60], Gen.Select(Gen.Int[0, 200], Gen.Byte).Array[0, 4], Gen.Bool).Sample(
            (fromSample, random, changes, fromClient) =>
            {
                byte[] bytes = fromSample ? [.. sample] : random;
                foreach ((int at, byte value) in changes)
                {
                    if (bytes.Length > 0)
                        bytes[at % bytes.Length] = value;
                }
                if (!TransportParameters.TryRead(bytes, fromClient, out TransportParameters? p, out string? why))
                {
                    Assert.NotNull(why);
                    return;
                }
                Assert.Equal(Line(p!), Line(Read(Hex.Text(p!.Write()), fromClient)));
            },
            iter: 20_000);
    }

    private static string Line(TransportParameters p) => string.Join(
        ' ', p.OriginalDestinationConnectionId, p.MaxIdleTimeoutMilliseconds, Hex.Text(p.StatelessResetToken), p.MaxUdpPayloadSize,
        p.InitialMaxData, p.InitialMaxStreamDataBidiLocal, p.InitialMaxStreamDataBidiRemote, p.InitialMaxStreamDataUni,
        p.InitialMaxStreamsBidi, p.InitialMaxStreamsUni, p.AckDelayExponent, p.MaxAckDelayMilliseconds,
        p.DisableActiveMigration, p.ActiveConnectionIdLimit, p.InitialSourceConnectionId,
        p.RetrySourceConnectionId, p.MaxDatagramFrameSize, p.PunchCandidateLimit, p.PreferredAddress?.IPv4, p.PreferredAddress?.IPv6,
        p.PreferredAddress?.ConnectionId, Hex.Text(p.PreferredAddress?.ResetToken));

    private static TransportParameters Read(string hex, bool fromClient)
    {
        Assert.True(TransportParameters.TryRead(Hex.Bytes(hex), fromClient, out TransportParameters? p, out string? why), why);
        Assert.Null(why);
        return p!;
    }

    private static void Refuse(string hex, bool fromClient, string because)
    {
        Assert.False(TransportParameters.TryRead(Hex.Bytes(hex), fromClient, out TransportParameters? p, out string? why), because);
        Assert.Null(p);
        Assert.NotNull(why);
    }
}
