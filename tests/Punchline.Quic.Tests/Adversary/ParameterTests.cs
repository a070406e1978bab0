using Xunit;

namespace Punchline.Quic.Tests.Adversary;

/// <summary>Transport parameters that break the rules, over whole handshakes, to servers and to clients (RFC 9000 sections 7.3, 7.4, 18).</summary>
public sealed class ParameterTests
{
    private const ulong TooMany = (1UL << 60) + 1;

    private static readonly byte[] Token = new byte[16];

    /// <summary>What is added to valid parameters.</summary>
    private static readonly Dictionary<string, byte[]> Additions = new()
    {
        ["max_udp_payload_size below 1,200"] = Integer(0x03, 1199),
        ["ack_delay_exponent above 20"] = Integer(0x0a, 21),
        ["max_ack_delay of 2^14"] = Integer(0x0b, 1 << 14),
        ["active_connection_id_limit of 1"] = Integer(0x0e, 1),
        ["initial_max_streams_bidi above 2^60"] = Integer(0x08, TooMany),
        ["initial_max_streams_uni above 2^60"] = Integer(0x09, TooMany),
        ["disable_active_migration with a value"] = Parameter(0x0c, 1),
        ["a parameter twice"] = [.. Integer(0x01, 1), .. Integer(0x01, 1)],
        ["an unknown parameter twice"] = [.. Parameter(0x1b, 1), .. Parameter(0x1b, 1)],
        ["an integer with a byte after it"] = Parameter(0x04, 5, 5),
        ["an integer that is cut short"] = Parameter(0x04, 0x40),
        ["a parameter that is longer than all of them"] = [0x04, 0x20, 1],
        ["an identifier without a length"] = [0x04],
        ["punch of 0"] = Integer(0x50_554e_4348, 0),
        ["punch of 17"] = Integer(0x50_554e_4348, 17),
    };

    /// <summary>What only a server may send, and how a server sends it wrongly.</summary>
    private static readonly Dictionary<string, byte[]> OfServers = new()
    {
        ["stateless_reset_token of 15 bytes"] = Parameter(0x02, Token[1..]),
        ["retry_source_connection_id without a Retry"] = Parameter(0x10, 1, 2, 3, 4),
        ["preferred_address that is cut short"] = Parameter(0x0d, 1, 2, 3),
        ["preferred_address without a connection id"] = Parameter(0x0d, [.. new byte[24], 0, .. Token]),
    };

    public static TheoryData<string> ForServers => [.. Additions.Keys];

    public static TheoryData<string> ForClients => [.. Additions.Keys, .. OfServers.Keys];

    [Theory]
    [MemberData(nameof(ForServers))]
    public void A_server_refuses(string name)
    {
        var raw = new RawHandshake();
        IsParameterError(raw.CallServer([.. ClientsOwn(raw), .. Additions[name]]));
    }

    [Theory]
    [InlineData((ulong)0x00)]
    [InlineData((ulong)0x02)]
    [InlineData((ulong)0x0d)]
    [InlineData((ulong)0x10)]
    public void A_server_refuses_what_only_servers_send(ulong id)
    {
        var raw = new RawHandshake();
        IsParameterError(raw.CallServer([.. ClientsOwn(raw), .. Parameter(id, Token)]));
    }

    [Theory]
    [MemberData(nameof(ForClients))]
    public void A_client_refuses(string name)
    {
        var raw = new RawHandshake();
        byte[] addition = Additions.TryGetValue(name, out byte[]? shared) ? shared : OfServers[name];
        IsParameterError(raw.AnswerClient(first => [.. ServersOwn(raw, first), .. addition]));
    }

    [Fact]
    public void A_server_refuses_another_source_connection_id_and_none()
    {
        IsParameterError(new RawHandshake().CallServer(Parameter(0x0f, 9, 9)));
        IsParameterError(new RawHandshake().CallServer([]));
    }

    [Fact]
    public void A_client_refuses_other_connection_ids_and_none()
    {
        var raw = new RawHandshake();
        IsParameterError(raw.AnswerClient(first => Parameter(0x00, first.Span.ToArray())));
        IsParameterError(new RawHandshake().AnswerClient(first => [.. Parameter(0x00, first.Span.ToArray()), .. Parameter(0x0f, 9, 9)]));
        IsParameterError(new RawHandshake().AnswerClient(_ => [.. Parameter(0x00, 9, 9), .. Parameter(0x0f, raw.OwnId.Span.ToArray())]));
        IsParameterError(new RawHandshake().AnswerClient(_ => Parameter(0x0f, raw.OwnId.Span.ToArray())));
    }

    /// <summary>The parameters to which the others are added are in order: the errors come from what is added.</summary>
    [Fact]
    public void Valid_ones_are_taken_and_unknown_ones_passed_over()
    {
        var raw = new RawHandshake();
        Assert.Null(raw.CallServer([.. ClientsOwn(raw), .. Parameter(0x1b, 1, 2, 3), .. Integer(0x50_554e_4348, 16)]));
        Assert.Null(new RawHandshake().AnswerClient(first => [.. ServersOwn(raw, first), .. Parameter(0x02, Token), .. Parameter(0x1b)]));
    }

    private static byte[] ClientsOwn(RawHandshake raw) => Parameter(0x0f, raw.OwnId.Span.ToArray());

    private static byte[] ServersOwn(RawHandshake raw, ConnectionId first) =>
        [.. Parameter(0x00, first.Span.ToArray()), .. Parameter(0x0f, raw.OwnId.Span.ToArray())];

    private static byte[] Integer(ulong id, ulong value) => Parameter(id, Raw.Ints(value));

    private static byte[] Parameter(ulong id, params byte[] value) => [.. Raw.Ints(id, (ulong)value.Length), .. value];

    private static void IsParameterError(QuicError? error) => Assert.True(
        error is { IsRemote: false, Code: (ulong)TransportErrorCode.TransportParameterError }, $"{error}");
}
