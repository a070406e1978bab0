using System.Runtime.CompilerServices;
using Punchline.Quic.Tests.Simulation;
using Punchline.Quic.Wire;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Connection;

/// <summary>The transport parameters of a server must fit the connection ids of its packets (RFC 9000 section 7.3).</summary>
public sealed class ParameterAuthenticationTests
{
    private static readonly ConnectionId Server = new([1, 2, 3, 4, 5, 6, 7, 8]);
    private static readonly ConnectionId Other = new([8, 7, 6, 5, 4, 3, 2, 1]);

    private readonly QuicConnection _client = new Scene(1, new LinkProfile()).Connect();

    public ParameterAuthenticationTests() => Destination(_client) = Server;

    public static TheoryData<string, bool, bool, bool, string?> Cases => new()
    {
        { "as they should be", true, true, false, null },
        { "no initial_source_connection_id", false, true, false, "initial_source" },
        { "no original_destination_connection_id", true, false, false, "original_destination" },
        { "retry_source_connection_id without a Retry", true, true, true, "retry_source" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Ids_that_are_absent_or_too_many_end_the_connection(string why, bool source, bool original, bool retry, string? named)
    {
        QuicError? error = Apply(_client, new TransportParameters
        {
            InitialSourceConnectionId = source ? Server : null,
            OriginalDestinationConnectionId = original ? _client.OriginalDestination : null,
            RetrySourceConnectionId = retry ? Other : null,
        }.Write());

        Is(error, named, why);
    }

    [Fact]
    public void Ids_that_differ_end_the_connection()
    {
        Is(Apply(_client, Parameters(source: Other)), "initial_source", "another source");
        Is(Apply(_client, Parameters(original: Other)), "original_destination", "another destination");
    }

    [Fact]
    public void After_a_Retry_its_source_is_told()
    {
        RetrySource(_client) = Other;

        Is(Apply(_client, Parameters()), "retry_source", "absent");
        Is(Apply(_client, Parameters(retry: Server)), "retry_source", "another one");
        Is(Apply(_client, Parameters(retry: Other)), null, "the right one");
    }

    [Fact]
    public void A_server_without_connection_ids_has_no_preferred_address() // section 18.2
    {
        Destination(_client) = default;
        var preferred = new PreferredAddress(UdpAddress.FromBytes([198, 18, 1, 9], 0, 4433), default, Other, new byte[16]);

        Is(Apply(_client, Parameters(source: new ConnectionId([]), preferred: preferred)), "preferred_address", "no ids");
        Destination(_client) = Server;
        Is(Apply(_client, Parameters(preferred: preferred)), null, "with ids");
    }

    private static void Is(QuicError? error, string? named, string why)
    {
        if (named is null)
        {
            Assert.True(error is null, why);
            return;
        }
        Assert.True(error is { Code: (ulong)TransportErrorCode.TransportParameterError }, why);
        Assert.Contains(named, error.Reason, StringComparison.Ordinal);
    }

    private byte[] Parameters(
        ConnectionId? source = null, ConnectionId? original = null, ConnectionId? retry = null, PreferredAddress? preferred = null) =>
        new TransportParameters
        {
            InitialSourceConnectionId = source ?? Server,
            OriginalDestinationConnectionId = original ?? _client.OriginalDestination,
            RetrySourceConnectionId = retry,
            PreferredAddress = preferred,
        }.Write();

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "ApplyPeerParameters")]
    private static extern QuicError? Apply(QuicConnection connection, ReadOnlySpan<byte> bytes);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_handshakeDestination")]
    private static extern ref ConnectionId Destination(QuicConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_retrySource")]
    private static extern ref ConnectionId? RetrySource(QuicConnection connection);
}
