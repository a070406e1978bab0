using Punchline.Quic.Paths;
using Punchline.Quic.Recovery;
using Punchline.Quic.Wire;
using Xunit;

namespace Punchline.Quic.Tests.Paths;

/// <summary>Which candidates a peer is told, and when: never more than it takes, and in the end all of them (docs/wire/punch.md section 4).</summary>
public sealed class LocalCandidatesTests
{
    private const int Limit = 4;

    private const int FirstPort = 1024;

    private readonly LocalCandidates _candidates = new();
    private readonly Dictionary<ulong, UdpAddress> _peers = [];
    private readonly SentFrameList _sent = new();
    private int _told;

    [Fact]
    public void Those_beyond_the_peers_limit_are_told_when_others_have_gone()
    {
        for (int i = 0; i < 6; i++)
            Add(i);
        Exchange();
        Assert.Equal([0, 1, 2, 3], Known);
        Assert.False(_candidates.HasFramesToSend);
        _candidates.Remove(Address(1));
        Exchange();
        Assert.Equal([0, 2, 3], Known);
        Assert.True(_candidates.HasFramesToSend, "the one that waits has a place now");
        Exchange();
        Assert.Equal([0, 2, 3, 4], Known);
        Assert.Equal((ulong[])[0, 2, 3, 4], _peers.Keys.Order());
    }

    [Fact]
    public void A_network_that_changes_replaces_them_all()
    {
        for (int i = 0; i < Limit; i++)
            Add(i);
        Exchange();
        for (int i = 0; i < Limit; i++)
        {
            _candidates.Remove(Address(i));
            Add(10 + i);
        }
        while (_candidates.HasFramesToSend)
            Exchange();
        Assert.Equal([10, 11, 12, 13], Known);
    }

    [Fact]
    public void What_is_taken_back_before_it_was_told_is_never_heard_of()
    {
        Add(0);
        _candidates.Remove(Address(0));
        Add(1);
        Exchange();
        Assert.Equal([1], Known);
        Assert.Equal((ulong[])[0], _peers.Keys);
    }

    [Fact]
    public void A_lost_frame_is_sent_again_and_its_candidate_may_be_there_all_the_same()
    {
        for (int i = 0; i < 5; i++)
            Add(i);
        Write();
        SentFrame first = _sent.AsSpan()[0];
        _candidates.OnLost(first);
        Write();
        // Its first copy may have come late: it counts as told, so the fifth still waits.
        Assert.Single(_sent.AsSpan().ToArray());
        Assert.Equal([0, 1, 2, 3], Known);
    }

    [Fact]
    public void An_address_counts_once_and_no_owner_fills_the_memory()
    {
        for (int i = 0; i < 1000; i++)
        {
            Add(i);
            Add(i);
        }
        while (_peers.Count > 0 || _candidates.HasFramesToSend)
        {
            foreach (UdpAddress address in _peers.Values.ToArray())
                _candidates.Remove(address);
            Exchange();
        }
        Assert.Equal(2 * CandidateRules.MaxLive, _told);
    }

    private IEnumerable<int> Known => _peers.Values.Select(address => address.Port - FirstPort).Order();

    private static UdpAddress Address(int number) => UdpAddress.FromBytes([198, 51, 100, 7], 0, (ushort)(FirstPort + number));

    private void Add(int number) => _candidates.Add(new Candidate(Address(number), CandidateKind.Host));

    /// <summary>Sends what is to be sent, and has it acknowledged.</summary>
    private void Exchange()
    {
        Write();
        foreach (SentFrame frame in _sent.AsSpan().ToArray())
            _candidates.OnAcked(frame);
    }

    private void Write()
    {
        _sent.Clear();
        var writer = new WireWriter(new byte[2000]);
        _candidates.WriteFrames(ref writer, _sent, Limit);
        var reader = new WireReader(writer.Written);
        while (reader.Remaining > 0)
        {
            Assert.True(reader.TryReadVarInt(out ulong type));
            if (type == FrameTypes.Candidate)
            {
                Assert.True(CandidateFrame.TryRead(ref reader, out CandidateFrame told));
                _told += _peers.TryAdd(told.Sequence, told.Candidate.Address) ? 1 : 0;
            }
            else
            {
                Assert.Equal(FrameTypes.CandidateGone, type);
                Assert.True(CandidateGoneFrame.TryRead(ref reader, out CandidateGoneFrame gone));
                _peers.Remove(gone.Sequence);
            }
            Assert.True(_peers.Count <= Limit, "more than the peer takes");
        }
    }
}
