using System.Net;
using System.Security.Cryptography;
using Punchline.Invites;
using Punchline.Quic;
using Punchline.Endpoint;
using Punchline.Tests.Endpoint;
using Xunit;

namespace Punchline.Tests.Invites;

/// <summary>Who the door lets try, and that it says nothing to everybody else.</summary>
public sealed class DoorTests : IDisposable
{
    private static readonly RelayLink Link = new() { Server = new UdpAddress(IPAddress.Parse("192.0.2.9"), 3478) };
    private static readonly NetworkPath Path = new RelayPath(Link, 7);

    private readonly Records _records = new();
    private readonly TestRandomness _randomness = new(1);
    private readonly Door _door;
    private Instant _now = new(TimeSpan.TicksPerHour);
    private int _attempts;

    public DoorTests()
    {
        _records.Add(Samples.Id, Samples.Secret);
        _door = new Door(_records, Samples.HostId, _randomness, _now);
    }

    public void Dispose() => _door.Dispose();

    [Fact]
    public void The_golden_samples_are_what_we_seal_and_open()
    {
        string[] golden = Samples.Of("door.md");
        Assert.Equal(golden[0], Convert.ToHexStringLower(InviteKeys.Door(Samples.Secret)));
        byte[] token = DoorToken.Seal(Samples.Secret, Samples.Id, Samples.HostId, Samples.Destination, Samples.DoorNonce, Samples.PeerId);
        Assert.Equal(golden[1], Convert.ToHexStringLower(InviteKeys.EndProof(Samples.Secret)));
        Assert.Equal(golden[2], Convert.ToHexStringLower(token));
        Assert.Equal(DoorToken.Length, token.Length);

        using var key = new AesGcm(Samples.Count(0x40, 16), 16);
        var facts = new RetryFacts(Samples.DoorNonce, Samples.Destination, new RetryPath(PathKind.Direct, 0, new UdpAddress(IPAddress.Parse("192.0.2.7"), 4433)), 0x000102);
        byte[] retry = RetryToken.Seal(key, Samples.Count(0x50, 12), Samples.Id, Samples.HostId, Samples.PeerId, facts);
        Assert.Equal(golden[3], Convert.ToHexStringLower(retry));
        byte[] peer = new byte[32];
        Assert.True(RetryToken.TryOpen(key, retry, Samples.HostId, out RetryFacts opened, peer));
        Assert.Equal(facts, opened);
        Assert.Equal(Samples.PeerId, peer);
    }

    [Fact]
    public void A_valid_token_is_accepted_for_the_peer_that_it_seals()
    {
        AdmissionVerdict verdict = Admit(Token(out ConnectionId id), id);
        Assert.Equal(AdmissionAction.Accept, verdict.Action);
        Assert.Equal(Samples.PeerId, verdict.ExpectedPeerId.ToArray());
        Assert.Null(verdict.OriginalDestination);
        Assert.False(verdict.AddressValidated);
        Assert.Equal(Samples.Id, Assert.IsType<DoorPass>(verdict.Tag).Invite);
    }

    [Fact]
    public void A_replayed_token_opens_nothing_until_its_nonce_has_ended_and_nothing_then()
    {
        byte[] token = Token(out ConnectionId id);
        End(Admit(token, id));
        for (int minutes = 0; minutes < 40; minutes++)
        {
            AssertSilent(token, id);
            _now += TimeSpan.FromMinutes(1);
        }
    }

    [Fact]
    public void No_altered_byte_opens()
    {
        byte[] token = Token(out ConnectionId id);
        for (int i = 0; i < token.Length; i++)
        {
            for (int bit = 0; bit < 8; bit++)
            {
                byte[] altered = [.. token];
                altered[i] ^= (byte)(1 << bit);
                AssertSilent(altered, id);
            }
            AssertSilent(token[..i], id);
        }
        AssertSilent([.. token, 0], id);
        for (int i = 0; i < id.Length; i++)
        {
            byte[] bytes = id.Span.ToArray();
            bytes[i] ^= 1;
            AssertSilent(token, new ConnectionId(bytes));
            AssertSilent(token, new ConnectionId(id.Span[..i]));
        }
        // And the untouched one still does: the flood cost it nothing.
        Assert.Equal(AdmissionAction.Accept, Admit(token, id).Action);
    }

    [Fact]
    public void Another_host_another_secret_another_nonce_open_nothing()
    {
        ConnectionId id = NextId();
        AssertSilent(DoorToken.Seal(Samples.Secret, Samples.Id, new byte[32], id, _door.Nonces.Current, Samples.PeerId), id);
        AssertSilent(DoorToken.Seal(new byte[16], Samples.Id, Samples.HostId, id, _door.Nonces.Current, Samples.PeerId), id);
        AssertSilent(DoorToken.Seal(Samples.Secret, new InviteId(9), Samples.HostId, id, _door.Nonces.Current, Samples.PeerId), id);
        AssertSilent(DoorToken.Seal(Samples.Secret, Samples.Id, Samples.HostId, id, _door.Nonces.Current + 1, Samples.PeerId), id);
        AssertSilent([], id);
    }

    [Fact]
    public void The_nonce_before_the_current_one_is_valid_and_no_older_one()
    {
        byte[] token = Token(out ConnectionId id);
        byte[] later = Token(out ConnectionId laterId);
        ulong first = _door.Nonces.Current;
        _now += DoorNonces.Period;
        Assert.True(_door.Advance(_now));
        Assert.NotEqual(first, _door.Nonces.Current);
        Assert.Equal(AdmissionAction.Accept, Admit(token, id).Action);
        AssertSilent(token, id);
        _now += DoorNonces.Period;
        AssertSilent(later, laterId);
    }

    [Fact]
    public void After_a_long_sleep_not_even_the_last_nonce_is_valid()
    {
        byte[] token = Token(out ConnectionId id);
        _now += DoorNonces.Period * 2;
        AssertSilent(token, id);
    }

    [Fact]
    public void An_invite_has_four_unfinished_handshakes_and_eight_connections()
    {
        var pending = new Queue<AdmissionVerdict>();
        for (int i = 0; i < Door.MaxHandshakesPerInvite; i++)
            pending.Enqueue(Accepted());
        _now += TimeSpan.FromSeconds(10);
        AssertNextSilent();
        while (pending.TryDequeue(out AdmissionVerdict verdict))
            _door.OnHandshakeEnded(verdict.Tag, established: true);
        var second = new List<AdmissionVerdict>();
        for (int i = 0; i < Door.MaxHandshakesPerInvite; i++)
        {
            second.Add(Accepted());
            _door.OnHandshakeEnded(second[^1].Tag, established: true);
        }
        _now += TimeSpan.FromSeconds(10);
        AssertNextSilent();
        // The end of one makes room for one; saying it twice makes no more.
        _door.OnConnectionEnded(second[0].Tag);
        _door.OnConnectionEnded(second[0].Tag);
        Accepted();
        AssertNextSilent();
    }

    [Fact]
    public void An_invite_has_two_handshakes_a_second()
    {
        int accepted = 0;
        for (int i = 0; i < 1000; i++)
        {
            AdmissionVerdict verdict = Admit(Token(out ConnectionId id), id);
            if (verdict.Action == AdmissionAction.Accept)
            {
                accepted++;
                End(verdict);
            }
            _now += TimeSpan.FromMilliseconds(10);
        }
        Assert.InRange(accepted, 10 * Door.HandshakesPerSecond, (10 * Door.HandshakesPerSecond) + Door.HandshakeBurst);
    }

    [Fact]
    public void One_invite_at_its_limits_takes_nothing_from_another()
    {
        for (int i = 0; i < 100; i++)
            Admit(Token(out ConnectionId id), id);
        var other = new InviteId(42);
        _records.Add(other, new byte[16]);
        ConnectionId next = NextId();
        Assert.Equal(AdmissionAction.Accept, Admit(Seal(other, new byte[16], next), next).Action);
    }

    [Fact]
    public void The_replay_memory_has_a_quota_for_each_invite_and_nonce()
    {
        int accepted = 0;
        ulong nonce = _door.Nonces.Current;
        while (_now < _door.Nonces.NextRotation - TimeSpan.FromSeconds(1))
        {
            AdmissionVerdict verdict = Admit(Token(out ConnectionId id), id);
            if (verdict.Action == AdmissionAction.Accept)
                accepted++;
            End(verdict);
            _now += TimeSpan.FromMilliseconds(500);
        }
        Assert.Equal(nonce, _door.Nonces.Current);
        Assert.Equal(ReplayMemory.MaxPerInviteAndNonce, accepted);
        _now += TimeSpan.FromSeconds(2);
        _door.Advance(_now);
        Accepted();
    }

    [Fact]
    public void A_friends_secret_serves_the_friend_alone()
    {
        var friend = new InviteId(5);
        _records.Add(friend, new byte[16], Samples.PeerId);
        ConnectionId id = NextId();
        AssertSilent(DoorToken.Seal(new byte[16], friend, Samples.HostId, id, _door.Nonces.Current, new byte[32]), id);
        Assert.True(Assert.IsType<DoorPass>(Admit(Seal(friend, new byte[16], id), id).Tag).IsFriend);
    }

    [Fact]
    public void An_end_is_told_once_a_second_only_to_who_holds_the_secret_and_with_its_proof()
    {
        _records.Add(Samples.Id, Samples.Secret, ended: true);
        ConnectionId wrong = NextId();
        AssertSilent(Seal(Samples.Id, new byte[16], wrong), wrong);
        byte[] token = Token(out ConnectionId id);
        AdmissionVerdict verdict = Admit(token, id);
        Assert.Equal(AdmissionAction.Refuse, verdict.Action);
        Assert.Equal(Refusal.Ended, verdict.RefusalCode);
        Assert.True(Refusal.Proves(verdict.RefusalReason!, Samples.Secret));
        Assert.False(Refusal.Proves(verdict.RefusalReason!, new byte[16]));
        for (int i = 0; i < 32; i++)
            Assert.False(Refusal.Proves(verdict.RefusalReason![..i], Samples.Secret));
        Assert.False(Refusal.Proves("this invite has ended, believe me: says somebody", Samples.Secret));
        AssertNextSilent();
        _now += TimeSpan.FromSeconds(1);
        AssertSilent(token, id);
        Assert.Equal(AdmissionAction.Refuse, Admit(Token(out ConnectionId next), next).Action);
    }

    [Fact]
    public void Under_load_a_client_must_show_its_address_and_is_then_let_in()
    {
        FillTo(Door.RetryThreshold);
        byte[] token = Token(out ConnectionId original);
        AdmissionVerdict retry = Admit(token, original);
        Assert.Equal(AdmissionAction.Retry, retry.Action);
        byte[] again = retry.RetryToken.ToArray();
        ConnectionId ours = NextId();
        for (int i = 0; i < again.Length; i++)
        {
            byte[] altered = [.. again];
            altered[i] ^= 1;
            AssertSilent(altered, ours);
        }
        var elsewhere = new RelayPath(Link, 8);
        Assert.Equal(AdmissionAction.Ignore, Admit(again, ours, elsewhere).Action);
        AdmissionVerdict verdict = Admit(again, ours);
        Assert.Equal(AdmissionAction.Accept, verdict.Action);
        Assert.True(verdict.AddressValidated);
        Assert.Equal(original, verdict.OriginalDestination);
        Assert.Equal(Samples.PeerId, verdict.ExpectedPeerId.ToArray());
        // Used once: neither the Retry token nor the first one opens again.
        AssertSilent(again, ours);
        AssertSilent(token, original);
    }

    [Fact]
    public void A_retry_token_is_good_for_ten_seconds()
    {
        FillTo(Door.RetryThreshold);
        byte[] retry = Admit(Token(out ConnectionId id), id).RetryToken.ToArray();
        Assert.NotEmpty(retry);
        _now += Door.RetryLifetime + TimeSpan.FromSeconds(1);
        AssertSilent(retry, id);
    }

    [Fact]
    public void The_host_has_64_unfinished_handshakes_at_the_most()
    {
        FillTo(Door.MaxHandshakes);
        _now += TimeSpan.FromSeconds(5);
        AssertNextSilent();
    }

    [Fact]
    public void Noise_is_met_with_silence()
    {
        var random = new Random(3);
        for (int i = 0; i < 5000; i++)
        {
            byte[] noise = new byte[random.Next(140)];
            random.NextBytes(noise);
            if (noise.Length > 10 && random.Next(2) == 0)
            {
                noise[0] = 1;
                noise[1] = (byte)random.Next(1, 4);
                Samples.Id.Write(noise.AsSpan(2));
            }
            AssertSilent(noise, NextId());
        }
    }

    [Fact]
    public void All_friends_of_an_invite_share_its_handshakes_and_leave_it_its_connections()
    {
        AddFriends(InviteStore.MaxFriendsPerInvite);
        var open = new List<AdmissionVerdict>();
        int mostPending = 0;
        for (int attempt = 0; attempt < 10 * InviteStore.MaxFriendsPerInvite; attempt++)
        {
            AdmissionVerdict verdict = AdmitFriend(attempt % InviteStore.MaxFriendsPerInvite);
            if (verdict.Action == AdmissionAction.Accept)
                open.Add(verdict);
            else if (_door.UnfinishedHandshakes == Door.MaxHandshakesPerInvite)
                open.ForEach(each => _door.OnHandshakeEnded(each.Tag, established: true));
            mostPending = Math.Max(mostPending, _door.UnfinishedHandshakes);
            _now += TimeSpan.FromMilliseconds(250);
        }
        Assert.Equal(Door.MaxHandshakesPerInvite, mostPending);
        Assert.Equal(InviteStore.MaxFriendsPerInvite * Door.MaxConnectionsPerFriend, open.Count);
        open.ForEach(each => _door.OnHandshakeEnded(each.Tag, established: true));
        // Whoever comes next has no secret of their own, and gets in by the invite.
        Accepted();
    }

    [Fact]
    public void Friends_who_all_come_back_at_once_are_in_within_seconds()
    {
        AddFriends(20);
        int waiting = 20;
        Instant start = _now;
        for (; waiting > 0; _now += TimeSpan.FromMilliseconds(100))
        {
            AdmissionVerdict verdict = AdmitFriend(waiting - 1);
            if (verdict.Action != AdmissionAction.Accept)
                continue;
            waiting--;
            _door.OnHandshakeEnded(verdict.Tag, established: true);
        }
        Assert.InRange((_now - start).TotalSeconds, 1, 5);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Junk_under_one_id_takes_nothing_from_the_others(bool ended)
    {
        var flooded = new InviteId(7);
        _records.Add(flooded, new byte[16], ended: ended);
        for (int i = 0; i < 3 * Door.MaxFailuresPerSecond; i++)
        {
            ConnectionId junk = NextId();
            AssertSilent(Seal(flooded, Samples.Secret, junk), junk);
        }
        // At the same moment: no budget has come back yet.
        byte[] other = Token(out ConnectionId otherId);
        Assert.Equal(AdmissionAction.Accept, Admit(other, otherId).Action);
        // The flooded one itself is judged again as soon as its budget is back.
        _now += TimeSpan.FromSeconds(1);
        ConnectionId id = NextId();
        Assert.Equal(ended ? AdmissionAction.Refuse : AdmissionAction.Accept, Admit(Seal(flooded, new byte[16], id), id).Action);
    }

    [Fact]
    public void A_ticket_is_good_by_what_it_was_given_for_and_as_long_as_that_is_open()
    {
        _records.Add(new InviteId(7), new byte[16]);
        AddFriends(2);
        AdmissionVerdict byInvite = Accepted();
        ConnectionId id = NextId();
        AdmissionVerdict byOther = Admit(Seal(new InviteId(7), new byte[16], id), id);
        AdmissionVerdict friend = AdmitFriend(0);
        AdmissionVerdict second = AdmitFriend(1);
        Assert.Equal(Samples.Id.ToArray(), byInvite.TicketBinding.ToArray());

        Assert.True(MayResume(byInvite, byInvite));
        Assert.True(MayResume(friend, friend));
        // Who came by the invite and has a secret of their own since.
        Assert.True(MayResume(friend, byInvite));
        Assert.False(MayResume(byInvite, friend));
        Assert.False(MayResume(second, friend));
        Assert.False(MayResume(byOther, byInvite));
        Assert.False(MayResume(byInvite, byOther));
        Assert.False(_door.MayResume(byInvite.Tag, default));
        Assert.False(_door.MayResume(null, byInvite.TicketBinding.Span));

        // The invite ends; the friend's own secret has not, and still its tickets alone count.
        _records.Add(Samples.Id, Samples.Secret, ended: true);
        Assert.False(MayResume(byInvite, byInvite));
        Assert.False(MayResume(friend, byInvite));
        Assert.True(MayResume(friend, friend));
        _records.Add(new InviteId(5000), new byte[16], ended: true);
        Assert.False(MayResume(friend, friend));

        bool MayResume(in AdmissionVerdict now, in AdmissionVerdict then) => _door.MayResume(now.Tag, then.TicketBinding.Span);
    }

    private void AddFriends(int count)
    {
        for (int i = 0; i < count; i++)
            _records.Add(new InviteId(5000 + (ulong)i), new byte[16], PeerOf(i), Samples.Id);
    }

    private static byte[] PeerOf(int friend) => Samples.Count((byte)friend, 32);

    private AdmissionVerdict AdmitFriend(int friend)
    {
        ConnectionId id = NextId();
        return Admit(DoorToken.Seal(new byte[16], new InviteId(5000 + (ulong)friend), Samples.HostId, id, _door.Nonces.Current, PeerOf(friend)), id);
    }

    // Handshakes under other invites, until so many are unfinished.
    private void FillTo(int handshakes)
    {
        for (ulong invite = 1000; _door.UnfinishedHandshakes < handshakes; invite++)
        {
            var id = new InviteId(invite);
            _records.Add(id, new byte[16]);
            for (int i = 0; i < Door.MaxHandshakesPerInvite && _door.UnfinishedHandshakes < handshakes; i++)
            {
                ConnectionId next = NextId();
                AdmissionVerdict verdict = Admit(Seal(id, new byte[16], next), next);
                if (verdict.Action == AdmissionAction.Retry)
                    verdict = Admit(verdict.RetryToken.ToArray(), next);
                Assert.Equal(AdmissionAction.Accept, verdict.Action);
            }
        }
    }

    private ConnectionId NextId() => new([.. BitConverter.GetBytes(++_attempts), .. Samples.Count(1, 16)]);

    private byte[] Seal(InviteId invite, byte[] secret, in ConnectionId id) =>
        DoorToken.Seal(secret, invite, Samples.HostId, id, _door.Nonces.Current, Samples.PeerId);

    private byte[] Token(out ConnectionId id)
    {
        id = NextId();
        return Seal(Samples.Id, Samples.Secret, id);
    }

    private AdmissionVerdict Admit(byte[] token, ConnectionId id, NetworkPath? path = null) =>
        _door.Admit(new InitialFacts { Now = _now, Path = path ?? Path, Destination = id, Source = id, Token = token });

    private AdmissionVerdict Accepted()
    {
        _now += TimeSpan.FromSeconds(1);
        AdmissionVerdict verdict = Admit(Token(out ConnectionId id), id);
        Assert.Equal(AdmissionAction.Accept, verdict.Action);
        return verdict;
    }

    private void End(AdmissionVerdict verdict) => _door.OnConnectionEnded(verdict.Tag);

    private void AssertNextSilent() => AssertSilent(Token(out ConnectionId id), id);

    private void AssertSilent(byte[] token, ConnectionId id) => Assert.Equal(AdmissionAction.Ignore, Admit(token, id).Action);

    private sealed class Records : IDoorRecords
    {
        private readonly Dictionary<InviteId, DoorRecord> _records = [];

        public void Add(InviteId id, byte[] secret, byte[]? peer = null, InviteId? cameBy = null, bool ended = false) =>
            _records[id] = new DoorRecord(id, InviteKeys.Door(secret), peer, cameBy ?? id, ended ? InviteKeys.EndProof(secret) : null);

        public DoorRecord? Find(InviteId id) => _records.GetValueOrDefault(id);
    }
}
