using Punchline.Quic.Streams;
using Xunit;

namespace Punchline.Quic.Tests.Streams;

/// <summary>Each breach of RFC 9000 that a peer can commit with the frames of streams, and the error that ends the connection.</summary>
public class StreamErrorTests
{
    private static readonly StreamLimits Small = new()
    {
        InitialMaxData = 150,
        InitialMaxStreamDataBidiLocal = 100,
        InitialMaxStreamDataBidiRemote = 100,
        InitialMaxStreamDataUni = 100,
        MaxBidirectionalStreams = 4,
        MaxUnidirectionalStreams = 2,
    };

    private readonly StreamPeer _server;

    public StreamErrorTests() => (_, _server) = StreamPeer.Pair(server: Small);

    private static StreamId ClientBidi(ulong n) => StreamId.From(true, true, n);

    private static StreamId ClientUni(ulong n) => StreamId.From(true, false, n);

    private static StreamId ServerBidi(ulong n) => StreamId.From(false, true, n);

    private static StreamId ServerUni(ulong n) => StreamId.From(false, false, n);

    private static void Is(TransportErrorCode code, QuicError? error)
    {
        Assert.NotNull(error);
        Assert.Equal((ulong)code, error.Code);
        Assert.False(error.IsRemote);
    }

    [Fact]
    public void Data_beyond_the_streams_limit() // sections 4.1 and 19.10
    {
        Assert.Null(_server.Stream(ClientBidi(0), 0, new byte[100]));
        Is(TransportErrorCode.FlowControlError, _server.Stream(ClientBidi(0), 100, new byte[1]));
    }

    [Fact]
    public void A_far_offset_counts_as_much_as_data_up_to_it() // section 19.10
    {
        Is(TransportErrorCode.FlowControlError, _server.Stream(ClientUni(0), 100, new byte[1]));
    }

    [Fact]
    public void Data_beyond_the_connections_limit() // sections 4.1 and 19.9
    {
        Assert.Null(_server.Stream(ClientBidi(0), 0, new byte[100]));
        Assert.Null(_server.Stream(ClientBidi(1), 49, new byte[1]));
        Assert.Null(_server.Stream(ClientBidi(1), 0, new byte[49]));
        Is(TransportErrorCode.FlowControlError, _server.Stream(ClientBidi(2), 0, new byte[1]));
    }

    [Fact]
    public void A_reset_whose_final_size_passes_a_limit() // sections 4.5 and 19.10
    {
        Assert.Null(_server.Stream(ClientBidi(0), 0, new byte[100]));
        Is(TransportErrorCode.FlowControlError, _server.Set.OnResetStream(ClientBidi(1), 0, 51, _server.Now));
        Is(TransportErrorCode.FlowControlError, _server.Set.OnResetStream(ClientBidi(0), 0, 101, _server.Now));
    }

    [Theory]
    [InlineData(20, 0, true)]  // ends elsewhere: later
    [InlineData(0, 5, true)]   // ends elsewhere: before
    [InlineData(11, 0, true)]
    [InlineData(9, 2, false)]  // data beyond
    [InlineData(20, 1, false)]
    public void A_final_size_that_changes(ulong offset, int length, bool fin) // section 4.5
    {
        Assert.Null(_server.Stream(ClientBidi(0), 5, new byte[5], fin: true));
        Is(TransportErrorCode.FinalSizeError, _server.Stream(ClientBidi(0), offset, new byte[length], fin));
    }

    [Fact]
    public void A_final_size_below_what_came() // section 4.5
    {
        Assert.Null(_server.Stream(ClientBidi(0), 5, new byte[5]));
        Is(TransportErrorCode.FinalSizeError, _server.Stream(ClientBidi(0), 0, new byte[9], fin: true));
        Is(TransportErrorCode.FinalSizeError, _server.Set.OnResetStream(ClientBidi(0), 0, 9, _server.Now));
    }

    [Fact]
    public void A_reset_that_changes_the_final_size() // section 4.5
    {
        Assert.Null(_server.Stream(ClientBidi(0), 5, new byte[5], fin: true));
        Is(TransportErrorCode.FinalSizeError, _server.Set.OnResetStream(ClientBidi(0), 0, 11, _server.Now));
        Assert.Null(_server.Set.OnResetStream(ClientBidi(0), 0, 10, _server.Now));
        Is(TransportErrorCode.FinalSizeError, _server.Set.OnResetStream(ClientBidi(0), 0, 11, _server.Now));
        Is(TransportErrorCode.FinalSizeError, _server.Stream(ClientBidi(0), 10, new byte[1]));
    }

    [Fact]
    public void More_streams_than_allowed() // sections 4.6 and 19.11
    {
        Assert.Null(_server.Stream(ClientBidi(3), 0, []));
        Is(TransportErrorCode.StreamLimitError, _server.Stream(ClientBidi(4), 0, []));
        Is(TransportErrorCode.StreamLimitError, _server.Set.OnResetStream(ClientUni(2), 0, 0, _server.Now));
        Is(TransportErrorCode.StreamLimitError, _server.Set.OnStopSending(ClientBidi(4), 0));
        Is(TransportErrorCode.StreamLimitError, _server.Set.OnMaxStreamData(ClientBidi(StreamLimits.MaxStreamCount - 1), 0));
        Is(TransportErrorCode.StreamLimitError, _server.Set.OnStreamDataBlocked(ClientUni(2), 0));
    }

    [Fact]
    public void A_senders_frame_on_a_stream_that_only_we_send_on() // sections 19.4, 19.8, 19.13
    {
        StreamId id = _server.Open(bidirectional: false);
        Is(TransportErrorCode.StreamStateError, _server.Stream(id, 0, []));
        Is(TransportErrorCode.StreamStateError, _server.Set.OnResetStream(id, 0, 0, _server.Now));
        Is(TransportErrorCode.StreamStateError, _server.Set.OnStreamDataBlocked(id, 0));
    }

    [Fact]
    public void A_receivers_frame_on_a_stream_that_only_the_peer_sends_on() // sections 19.5 and 19.10
    {
        Is(TransportErrorCode.StreamStateError, _server.Set.OnStopSending(ClientUni(0), 0));
        Is(TransportErrorCode.StreamStateError, _server.Set.OnMaxStreamData(ClientUni(0), 1));
    }

    [Fact]
    public void A_frame_on_a_stream_of_ours_that_we_have_not_opened() // sections 19.4 to 19.13
    {
        Is(TransportErrorCode.StreamStateError, _server.Stream(ServerBidi(0), 0, []));
        Is(TransportErrorCode.StreamStateError, _server.Set.OnResetStream(ServerBidi(0), 0, 0, _server.Now));
        Is(TransportErrorCode.StreamStateError, _server.Set.OnStreamDataBlocked(ServerBidi(0), 0));
        Is(TransportErrorCode.StreamStateError, _server.Set.OnStopSending(ServerUni(0), 0));
        Is(TransportErrorCode.StreamStateError, _server.Set.OnMaxStreamData(ServerBidi(0), 0));
    }

    [Fact]
    public void Stream_counts_that_no_id_can_express() // sections 4.6, 19.11 and 19.14
    {
        const ulong Most = 1UL << 60;
        Assert.Null(_server.Set.OnMaxStreams(true, Most));
        Is(TransportErrorCode.FrameEncodingError, _server.Set.OnMaxStreams(false, Most + 1));
        Assert.Null(_server.Set.OnStreamsBlocked(true, Most));
        Is(TransportErrorCode.FrameEncodingError, _server.Set.OnStreamsBlocked(false, Most + 1));
        Is(TransportErrorCode.TransportParameterError, _server.Set.OnPeerParameters(0, 0, 0, 0, Most + 1, 0));
    }

    [Fact]
    public void Data_in_too_many_pieces_ends_the_connection() // section 21.7
    {
        var (_, server) = StreamPeer.Pair();
        QuicError? error = null;
        int pieces = 0;
        while (error is null)
            error = server.Stream(ClientBidi(0), (ulong)++pieces * 2, [1]);
        Is(TransportErrorCode.InternalError, error);
        Assert.Equal(ReassemblyBudget.MaxRangesPerStream + 1, pieces);
    }

    [Fact]
    public void Data_in_too_many_pieces_over_all_streams_ends_the_connection() // section 21.7
    {
        var (_, server) = StreamPeer.Pair();
        const int PerStream = ReassemblyBudget.MaxRangesPerStream / 2;
        for (ulong n = 0; n < ReassemblyBudget.MaxRangesTotal / PerStream; n++)
        {
            for (ulong i = 1; i <= PerStream; i++)
                Assert.Null(server.Stream(ClientBidi(n), i * 2, [1]));
        }
        // A reset gives the pieces of its stream back.
        Assert.Null(server.Set.OnResetStream(ClientBidi(0), 0, PerStream * 2 + 1, server.Now));
        for (ulong i = 1; i <= PerStream; i++)
            Assert.Null(server.Stream(ClientBidi(100), i * 2, [1]));
        Is(TransportErrorCode.InternalError, server.Stream(ClientBidi(101), 2, [1]));
    }
}
