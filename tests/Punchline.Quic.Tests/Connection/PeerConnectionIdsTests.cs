using Punchline.Quic.Paths;
using Punchline.Quic.Recovery;
using Punchline.Quic.Wire;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Connection;

/// <summary>The ids that a peer gives us (RFC 9000 sections 5.1 and 19.15).</summary>
public sealed class PeerConnectionIdsTests
{
    private readonly PathState _path = new(
        new SimulatedPath(PathKind.Direct, UdpAddress.FromBytes([198, 18, 1, 1], 0, 4000), UdpAddress.FromBytes([198, 18, 1, 2], 0, 4000)),
        PathStage.Validated, MtuDiscovery.BaseSize);

    private readonly PeerConnectionIds _ids = new();

    public PeerConnectionIdsTests() => _ids.SetFirst(IdOf(0), _path);

    [Fact]
    public void What_is_to_be_retired_goes_before_the_new_one_comes()
    {
        for (ulong sequence = 1; sequence < LocalConnectionIds.MaxActive; sequence++)
            Assert.Null(Give(sequence));

        Assert.Null(Give(LocalConnectionIds.MaxActive, retirePriorTo: 1));

        Assert.Equal([0ul], Retired());
        Assert.True(_ids.TryGetFor(_path, out ConnectionId id));
        Assert.NotEqual(IdOf(0), id);
    }

    [Fact]
    public void More_than_our_limit_ends_the_connection()
    {
        for (ulong sequence = 1; sequence < LocalConnectionIds.MaxActive; sequence++)
            Assert.Null(Give(sequence));

        Assert.Equal((ulong)TransportErrorCode.ConnectionIdLimitError, Give(LocalConnectionIds.MaxActive)?.Code);
    }

    [Fact]
    public void A_repetition_changes_nothing_but_what_is_to_be_retired()
    {
        Assert.Null(Give(1));
        Assert.Null(Give(2));
        Assert.Null(Give(2));
        Assert.Empty(Retired());

        Assert.Null(Give(2, retirePriorTo: 2));
        Assert.Equal([0ul, 1ul], Retired());

        Assert.Null(Give(2, retirePriorTo: 1)); // no step back
        Assert.Empty(Retired());
    }

    [Fact]
    public void One_that_comes_after_it_was_replaced_is_retired_once()
    {
        Assert.Null(Give(3, retirePriorTo: 3));
        Assert.Equal([0ul], Retired());

        Assert.Null(Give(1));
        Assert.Null(Give(1));
        Assert.Equal([1ul], Retired());
    }

    [Fact]
    public void One_id_under_two_numbers_or_two_ids_under_one_end_the_connection()
    {
        Assert.Null(Give(1));

        Assert.Equal((ulong)TransportErrorCode.ProtocolViolation, Give(2, id: IdOf(1))?.Code);
        Assert.Equal((ulong)TransportErrorCode.ProtocolViolation, Give(1, id: IdOf(9))?.Code);
    }

    [Fact]
    public void Who_uses_no_ids_gives_none()
    {
        _ids.SetFirst(default, _path);

        Assert.Equal((ulong)TransportErrorCode.ProtocolViolation, Give(1)?.Code);
    }

    [Fact]
    public void Retirements_are_bounded_until_they_are_acknowledged()
    {
        ulong sequence = 1;
        for (; sequence <= 4 * LocalConnectionIds.MaxActive; sequence++)
        {
            Assert.Null(Give(sequence, retirePriorTo: sequence));
            Assert.Single(Retired()); // sent, and never acknowledged
        }
        Assert.Equal((ulong)TransportErrorCode.ConnectionIdLimitError, Give(sequence, retirePriorTo: sequence)?.Code);
    }

    [Fact]
    public void Acknowledged_retirements_make_room_and_are_not_sent_again()
    {
        for (ulong sequence = 1; sequence <= 1000; sequence++)
        {
            Assert.Null(Give(sequence, retirePriorTo: sequence));
            Assert.Equal([sequence - 1], Retired());
            _ids.OnRetirementLost(sequence - 1);
            Assert.Equal([sequence - 1], Retired());
            _ids.OnRetirementAcked(sequence - 1);
            _ids.OnRetirementLost(sequence - 1); // the first copy, found lost late
            Assert.False(_ids.HasFramesToSend);
        }
    }

    [Fact]
    public void The_preferred_addresses_id_is_number_one()
    {
        _ids.AddPreferred(new PreferredAddress(default, default, IdOf(1), TokenOf(1)));

        Assert.Null(Give(1));
        Assert.Null(Give(2, retirePriorTo: 2));
        Assert.Equal([0ul, 1ul], Retired());
    }

    [Fact]
    public void A_token_counts_only_while_its_id_is_in_use()
    {
        byte[] reset = [0x40, .. new byte[20], .. TokenOf(1)];
        Assert.Null(Give(1));
        Assert.False(_ids.IsStatelessReset(reset), "not used yet");

        PathState other = new(_path.Network, PathStage.Opening, MtuDiscovery.BaseSize);
        Assert.True(_ids.TryGetFor(other, out _));
        Assert.True(_ids.IsStatelessReset(reset));
        Assert.True(_ids.IsStatelessReset([0xc0, .. reset.AsSpan(1)]), "its form does not matter");

        _ids.Release(other);
        Assert.False(_ids.IsStatelessReset(reset), "retired");
    }

    private static ConnectionId IdOf(ulong sequence) => new([7, 7, 7, 7, 7, 7, (byte)(sequence >> 8), (byte)sequence]);

    private static byte[] TokenOf(ulong sequence) => [.. Enumerable.Repeat((byte)0xa5, 14), (byte)(sequence >> 8), (byte)sequence];

    private QuicError? Give(ulong sequence, ulong retirePriorTo = 0, ConnectionId? id = null) =>
        _ids.OnNewConnectionId(new NewConnectionIdFrame(sequence, retirePriorTo, id ?? IdOf(sequence), TokenOf(sequence)), _path);

    /// <summary>What the frames that leave now retire, in order.</summary>
    private List<ulong> Retired()
    {
        var writer = new WireWriter(new byte[1000]);
        _ids.WriteFrames(ref writer, new SentFrameList());
        var reader = new WireReader(writer.Written);
        var retired = new List<ulong>();
        while (FrameTypes.TryReadType(ref reader, out ulong type, out _))
        {
            Assert.Equal(FrameTypes.RetireConnectionId, type);
            Assert.True(RetireConnectionIdFrame.TryRead(ref reader, out RetireConnectionIdFrame frame));
            retired.Add(frame.Sequence);
        }
        retired.Sort();
        return retired;
    }
}
