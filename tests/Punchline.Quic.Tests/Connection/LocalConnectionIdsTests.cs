using Punchline.Quic.Recovery;
using Punchline.Quic.Wire;
using Xunit;

namespace Punchline.Quic.Tests.Connection;

/// <summary>The ids that we give a peer (RFC 9000 sections 5.1.1 and 19.16).</summary>
public sealed class LocalConnectionIdsTests
{
    private readonly Table _table = new();
    private readonly LocalConnectionIds _ids;

    public LocalConnectionIdsTests()
    {
        _ids = new LocalConnectionIds(_table);
        _ids.Start(null!);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(100)]
    public void No_more_are_given_than_either_side_holds_and_their_numbers_rise_by_one(int peersLimit)
    {
        _ids.Replenish((ulong)peersLimit);

        Assert.Equal(Enumerable.Range(1, Math.Min(peersLimit, LocalConnectionIds.MaxActive) - 1).Select(i => (ulong)i), Sent());
    }

    [Fact]
    public void One_that_is_retired_is_replaced_and_still_leads_here_for_a_while()
    {
        _ids.Replenish(4);
        Sent();

        Assert.Null(_ids.OnRetire(1, _table.Issued[0], 4));

        Assert.Equal([4ul], Sent());
        Assert.Empty(_table.Withdrawn);
    }

    [Fact]
    public void One_that_was_never_sent_cannot_be_retired()
    {
        _ids.Replenish(4);

        Assert.Equal((ulong)TransportErrorCode.ProtocolViolation, _ids.OnRetire(1, _table.Issued[0], 4)?.Code);
        Sent();
        Assert.Null(_ids.OnRetire(1, _table.Issued[0], 4));
        Assert.Equal((ulong)TransportErrorCode.ProtocolViolation, _ids.OnRetire(4, _table.Issued[0], 4)?.Code);
    }

    [Fact]
    public void The_id_that_carries_the_frame_cannot_be_retired_by_it()
    {
        _ids.Replenish(4);
        Sent();

        Assert.Equal((ulong)TransportErrorCode.ProtocolViolation, _ids.OnRetire(1, _table.Issued[1], 4)?.Code);
    }

    [Fact]
    public void A_flood_of_retirements_holds_no_more_than_two_sets()
    {
        _ids.Replenish(8);
        for (ulong sequence = 0; sequence < 10_000; sequence++)
        {
            Sent();
            Assert.Null(_ids.OnRetire(sequence, _table.Issued[^1], 8));
        }
        Assert.InRange(_table.Issued.Count - _table.Withdrawn.Count, 8, 2 * LocalConnectionIds.MaxActive);
    }

    private List<ulong> Sent()
    {
        var sent = new SentFrameList();
        var writer = new WireWriter(new byte[1200]);
        _ids.WriteFrames(ref writer, sent);
        var sequences = new List<ulong>();
        foreach (SentFrame frame in sent.AsSpan())
            sequences.Add(frame.Id);
        return sequences;
    }

    private sealed class Table : IConnectionIdTable
    {
        internal List<ConnectionId> Issued { get; } = [];

        internal List<ConnectionId> Withdrawn { get; } = [];

        public ConnectionId Issue(QuicConnection connection)
        {
            Issued.Add(new ConnectionId([1, 2, 3, 4, 5, (byte)(Issued.Count >> 16), (byte)(Issued.Count >> 8), (byte)Issued.Count]));
            return Issued[^1];
        }

        public void WriteResetToken(in ConnectionId id, Span<byte> token) => token.Clear();

        public void Withdraw(in ConnectionId id) => Withdrawn.Add(id);
    }
}
