using System.Security.Cryptography;
using Punchline.Invites;
using Xunit;

namespace Punchline.Tests.Invites;

/// <summary>What the host keeps on disk.</summary>
public sealed class StateTests : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("punchline-test-").FullName;
    private readonly StateDirectory _directory;
    private readonly TestRandomness _randomness = new(1);

    public StateTests() => _directory = new StateDirectory(_path);

    public void Dispose() => Directory.Delete(_path, recursive: true);

    [Fact]
    public void An_identity_persists_and_only_its_owner_can_read_it()
    {
        var first = HostIdentity.LoadOrCreate(_directory, _randomness);
        var second = HostIdentity.LoadOrCreate(_directory, _randomness);
        Assert.Equal(first.PeerId.ToArray(), second.PeerId.ToArray());
        Assert.Equal(first.ResetKey.ToArray(), second.ResetKey.ToArray());
        Assert.Equal(SHA256.HashData(first.PublicKeyInfo.Span), first.PeerId.ToArray());
        using var key = ECDsa.Create();
        key.ImportPkcs8PrivateKey(second.Pkcs8.Span, out _);
        Assert.Equal(first.PublicKeyInfo.ToArray(), key.ExportSubjectPublicKeyInfo());
        if (OperatingSystem.IsWindows())
            return;
        foreach (string file in Directory.GetFiles(_path))
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
    }

    [Theory]
    [InlineData(HostIdentity.KeyFile, "not a key")]
    [InlineData(HostIdentity.KeyFile, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")]
    [InlineData(HostIdentity.KeyFile, "")]
    [InlineData(HostIdentity.ResetKeyFile, "short")]
    [InlineData(InviteStore.FileName, "{")]
    [InlineData(InviteStore.FileName, "null")]
    [InlineData(InviteStore.FileName, "{\"version\":2,\"invites\":[],\"friends\":[],\"tombstones\":[]}")]
    [InlineData(InviteStore.FileName, "{\"version\":1,\"invites\":[{\"id\":\"AA==\",\"secret\":\"AA==\"}],\"friends\":[],\"tombstones\":[]}")]
    [InlineData(InviteStore.FileName, "{\"version\":1,\"invites\":[null],\"friends\":[],\"tombstones\":[]}")]
    public void A_broken_file_is_named_and_left_as_it_is(string file, string content)
    {
        string path = Path.Combine(_path, file);
        File.WriteAllText(path, content);
        var error = Assert.Throws<StateFileException>(() =>
        {
            HostIdentity.LoadOrCreate(_directory, _randomness);
            InviteStore.Open(_directory, _randomness, TimeProvider.System);
        });
        Assert.Equal(path, error.Path);
        Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
        Assert.Equal(content, File.ReadAllText(path));
    }

    [Fact]
    public void Invites_friends_and_tombstones_persist()
    {
        InviteStore store = Open();
        InviteRecord kept = store.Create();
        InviteRecord revoked = store.Create();
        FriendRecord friend = store.IssueFriendSecret(InviteId.Read(kept.Id), Samples.PeerId)!;
        Assert.True(store.Revoke(InviteId.Read(revoked.Id), removeFriends: false));

        InviteStore again = Open();
        Assert.Equal(kept.Secret, Assert.Single(again.Invites).Secret);
        Assert.Equal(friend.Secret, Assert.Single(again.Friends).Secret);
        Assert.Equal(2, again.Secrets.Count);
        Assert.Equal(RefusalReason.Revoked, again.Find(InviteId.Read(revoked.Id))!.Refusal);
        Assert.Equal(InviteKeys.Door(revoked.Secret), again.Find(InviteId.Read(revoked.Id))!.DoorKey.ToArray());
        Assert.Equal(Samples.PeerId, again.Find(InviteId.Read(friend.Id))!.PeerId!.Value.ToArray());
        Assert.Single(Directory.GetFiles(_path));
    }

    [Fact]
    public void Revoking_an_invite_and_removing_a_friend_are_two_things()
    {
        InviteStore store = Open();
        var ended = new List<(InviteId, RefusalReason)>();
        int changes = 0;
        store.Ended += (id, reason) => ended.Add((id, reason));
        store.Changed += () => changes++;
        InviteId invite = InviteId.Read(store.Create().Id);
        FriendRecord friend = store.IssueFriendSecret(invite, Samples.PeerId)!;
        Assert.Same(friend, store.IssueFriendSecret(invite, Samples.PeerId));

        Assert.True(store.Revoke(invite, removeFriends: false));
        Assert.Equal([(invite, RefusalReason.Revoked)], ended);
        Assert.Null(store.Find(InviteId.Read(friend.Id))!.Refusal);
        Assert.False(store.Revoke(invite, removeFriends: false));
        Assert.Null(store.IssueFriendSecret(invite, new byte[32]));

        Assert.True(store.RemoveFriend(Samples.PeerId));
        Assert.Equal((InviteId.Read(friend.Id), RefusalReason.Removed), ended[^1]);
        Assert.Empty(store.Secrets);
        Assert.Equal(4, changes);
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 2)]
    public void A_new_invite_ends_the_old_ones_and_if_wanted_their_friends(bool removeFriends, int secrets)
    {
        InviteStore store = Open();
        InviteId old = InviteId.Read(store.Create().Id);
        FriendRecord friend = store.IssueFriendSecret(old, Samples.PeerId)!;
        var ended = new List<InviteId>();
        store.Ended += (id, _) => ended.Add(id);
        InviteRecord fresh = store.Replace(removeFriends);
        Assert.Equal(fresh, Assert.Single(store.Invites));
        Assert.Equal(secrets, store.Secrets.Count);
        Assert.Contains(old, ended);
        Assert.Equal(removeFriends, ended.Contains(InviteId.Read(friend.Id)));
    }

    [Fact]
    public void An_invite_for_two_friends_is_used_up_by_two_and_its_friends_stay()
    {
        InviteStore store = Open();
        InviteId invite = InviteId.Read(store.Create(uses: 2).Id);
        store.OnJoined(invite, Samples.PeerId);
        store.IssueFriendSecret(invite, Samples.PeerId);
        store.OnJoined(invite, Samples.PeerId);
        Assert.Null(store.Find(invite)!.Refusal);
        store.OnJoined(invite, new byte[32]);
        Assert.Equal(RefusalReason.UsedUp, store.Find(invite)!.Refusal);
        // The last one to come still gets their secret: the invite ended by their own joining.
        Assert.NotNull(store.IssueFriendSecret(invite, new byte[32]));
        Assert.Equal(2, store.Friends.Count);
    }

    [Fact]
    public void An_invite_expires_by_the_hosts_clock()
    {
        var time = new ManualTime();
        InviteStore store = InviteStore.Open(_directory, _randomness, time);
        InviteId invite = InviteId.Read(store.Create(lifetime: TimeSpan.FromHours(1)).Id);
        Assert.Null(store.Find(invite)!.Refusal);
        time.Now += TimeSpan.FromHours(1);
        Assert.Equal(RefusalReason.Expired, store.Find(invite)!.Refusal);
        Assert.Equal(RefusalReason.Expired, InviteStore.Open(_directory, _randomness, time).Find(invite)!.Refusal);
    }

    [Fact]
    public void Tombstones_are_bounded_and_the_oldest_goes()
    {
        InviteStore store = Open();
        InviteId first = InviteId.Read(store.Create().Id);
        for (int i = 0; i < InviteStore.MaxTombstones; i++)
            store.Replace(removeFriends: false);
        Assert.NotNull(store.Find(first));
        store.Replace(removeFriends: false);
        Assert.Null(store.Find(first));
    }

    [Fact]
    public void What_cannot_be_written_did_not_happen()
    {
        InviteStore store = Open();
        InviteRecord invite = store.Create();
        // A directory in the way of the file: renaming over it fails on every system.
        File.Delete(Path.Combine(_path, InviteStore.FileName));
        Directory.CreateDirectory(Path.Combine(_path, InviteStore.FileName, "x"));
        Assert.Throws<StateFileException>(() => store.Revoke(InviteId.Read(invite.Id), removeFriends: false));
        Assert.Throws<StateFileException>(() => store.Create());
        Assert.Equal(invite, Assert.Single(store.Invites));
        Assert.Null(store.Find(InviteId.Read(invite.Id))!.Refusal);
        Assert.Empty(Directory.GetFiles(_path));
    }

    private InviteStore Open() => InviteStore.Open(_directory, _randomness, TimeProvider.System);

    private sealed class ManualTime : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
