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

    [Fact]
    public void Each_client_has_a_reset_key_of_its_own_and_leaves_the_hosts_as_it_is()
    {
        var host = HostIdentity.LoadOrCreate(_directory, _randomness);
        HostIdentity first = HostIdentity.LoadOrCreate(_directory, _randomness).WithOwnResetKey(_randomness);
        HostIdentity second = HostIdentity.LoadOrCreate(_directory, _randomness).WithOwnResetKey(_randomness);
        Assert.Equal(host.PeerId.ToArray(), first.PeerId.ToArray());
        Assert.Equal(host.Pkcs8.ToArray(), first.Pkcs8.ToArray());
        Assert.NotEqual(host.ResetKey.ToArray(), first.ResetKey.ToArray());
        Assert.NotEqual(second.ResetKey.ToArray(), first.ResetKey.ToArray());
        Assert.Equal(host.ResetKey.ToArray(), HostIdentity.LoadOrCreate(_directory, _randomness).ResetKey.ToArray());
    }

    [Theory]
    [InlineData(HostIdentity.KeyFile, "not a key")]
    [InlineData(HostIdentity.KeyFile, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")]
    [InlineData(HostIdentity.KeyFile, "")]
    [InlineData(HostIdentity.ResetKeyFile, "short")]
    [InlineData(InviteStore.FileName, "{")]
    [InlineData(InviteStore.FileName, "null")]
    [InlineData(InviteStore.FileName, "{\"version\":2,\"invites\":[],\"friends\":[],\"ended\":[]}")]
    [InlineData(InviteStore.FileName, "{\"version\":1,\"invites\":[{\"id\":\"AA==\",\"secret\":\"AA==\"}],\"friends\":[],\"ended\":[]}")]
    [InlineData(InviteStore.FileName, "{\"version\":1,\"invites\":[null],\"friends\":[],\"ended\":[]}")]
    [InlineData(InviteStore.FileName, "{\"version\":1,\"invites\":[],\"ended\":[]}")]
    [InlineData(InviteStore.FileName, "{\"version\":1,\"invites\":[],\"friends\":[],\"ended\":[{\"id\":\"AA==\",\"secret\":\"AA==\"}]}")]
    public void A_broken_file_is_named_and_left_as_it_is(string file, string content)
    {
        string path = Path.Combine(_path, file);
        File.WriteAllText(path, content);
        var error = Assert.Throws<StateFileException>(() =>
        {
            HostIdentity.LoadOrCreate(_directory, _randomness);
            InviteStore.Open(_directory, _randomness);
        });
        Assert.Equal(path, error.Path);
        Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
        Assert.Equal(content, File.ReadAllText(path));
    }

    [Fact]
    public void Invites_friends_and_ends_persist()
    {
        InviteStore store = Open();
        InviteRecord old = store.Create();
        InviteRecord kept = store.Replace();
        FriendRecord friend = store.IssueFriendSecret(InviteId.Read(kept.Id), Samples.PeerId)!;

        InviteStore again = Open();
        Assert.Equal(kept.Secret, Assert.Single(again.Invites).Secret);
        Assert.Equal([kept.Secret, friend.Secret], again.Secrets.Select(s => s.Secret));
        Assert.Equal(InviteKeys.Door(old.Secret), again.Find(InviteId.Read(old.Id))!.DoorKey.ToArray());
        Assert.Equal(InviteKeys.EndProof(old.Secret), again.Find(InviteId.Read(old.Id))!.EndProof);
        Assert.Equal(InviteKeys.EndProof(old.Secret), Assert.Single(again.Ended).EndProof);
        DoorRecord record = again.Find(InviteId.Read(friend.Id))!;
        Assert.Equal(Samples.PeerId, record.PeerId);
        Assert.Equal(InviteId.Read(kept.Id), record.Family);
        Assert.False(record.HasEnded);
        Assert.Single(Directory.GetFiles(_path));
    }

    [Fact]
    public void A_file_of_an_earlier_build_opens()
    {
        string id = Convert.ToBase64String(Samples.Count(1, 8));
        string secret = Convert.ToBase64String(Samples.Count(2, 16));
        File.WriteAllText(Path.Combine(_path, InviteStore.FileName), $$"""
            {"version":1,"invites":[{"id":"{{id}}","secret":"{{secret}}","expiresAt":null,"usesLeft":null}],"friends":[],
             "tombstones":[{"id":"{{id}}","doorKey":"{{secret}}","reason":"Revoked"}]}
            """);
        InviteStore store = Open();
        Assert.Equal(Samples.Count(2, 16), Assert.Single(store.Invites).Secret);
        Assert.Empty(store.Ended);
    }

    [Fact]
    public void A_new_invite_ends_the_old_ones_and_their_friends()
    {
        InviteStore store = Open();
        int changes = 0;
        store.Changed += () => changes++;
        InviteId old = InviteId.Read(store.Create().Id);
        FriendRecord friend = store.IssueFriendSecret(old, Samples.PeerId)!;
        Assert.Same(friend, store.IssueFriendSecret(old, Samples.PeerId));
        InviteRecord fresh = store.Replace();
        Assert.Equal(fresh, Assert.Single(store.Invites));
        Assert.Equal(fresh.Secret, Assert.Single(store.Secrets).Secret);
        Assert.True(store.Find(old)!.HasEnded);
        Assert.True(store.Find(InviteId.Read(friend.Id))!.HasEnded);
        Assert.Null(store.IssueFriendSecret(old, new byte[32]));
        Assert.Equal(3, changes);
    }

    [Fact]
    public void One_invite_does_not_fill_the_table_of_friends()
    {
        InviteStore store = Open();
        InviteId leaked = InviteId.Read(store.Create().Id);
        InviteId other = InviteId.Read(store.Create().Id);
        int secrets = 0;
        for (int i = 0; i < InviteStore.MaxFriends; i++)
            secrets += store.IssueFriendSecret(leaked, SHA256.HashData([(byte)i])) is null ? 0 : 1;
        Assert.Equal(InviteStore.MaxFriendsPerInvite, secrets);
        Assert.NotNull(store.IssueFriendSecret(other, Samples.PeerId));
        // Who was there before keeps what they have.
        Assert.NotNull(store.IssueFriendSecret(leaked, SHA256.HashData([0])));
    }

    [Fact]
    public void Ends_are_bounded_and_an_invite_is_not_pushed_out_by_its_friends()
    {
        InviteStore store = Open();
        InviteId first = InviteId.Read(store.Create().Id);
        store.Replace();
        for (int i = 0; i < InviteStore.MaxEnded - 1; i++)
            store.Replace();
        Assert.NotNull(store.Find(first));
        store.Replace();
        Assert.Null(store.Find(first));

        InviteId last = InviteId.Read(store.Invites[0].Id);
        for (int i = 0; i < InviteStore.MaxFriendsPerInvite; i++)
            store.IssueFriendSecret(last, SHA256.HashData([(byte)i]));
        store.Replace();
        Assert.Equal(InviteStore.MaxEnded, store.Ended.Count);
        Assert.Equal(last, store.Ended[^1].Id);
    }

    [Fact]
    public void What_cannot_be_written_did_not_happen()
    {
        InviteStore store = Open();
        InviteRecord invite = store.Create();
        // A directory in the way of the file: renaming over it fails on every system.
        File.Delete(Path.Combine(_path, InviteStore.FileName));
        Directory.CreateDirectory(Path.Combine(_path, InviteStore.FileName, "x"));
        Assert.Throws<StateFileException>(() => store.Replace());
        Assert.Throws<StateFileException>(() => store.Create());
        Assert.Throws<StateFileException>(() => store.IssueFriendSecret(InviteId.Read(invite.Id), Samples.PeerId));
        Assert.Equal(invite, Assert.Single(store.Invites));
        Assert.Single(store.Secrets);
        Assert.False(store.Find(InviteId.Read(invite.Id))!.HasEnded);
        Assert.Empty(Directory.GetFiles(_path));
    }

    [Fact]
    public void A_lookup_does_not_wait_for_the_disk()
    {
        InviteStore store = Open();
        InviteId invite = InviteId.Read(store.Create().Id);
        using var asked = new ManualResetEventSlim();
        // In the middle of the change, under its lock: what the driver thread would meet.
        DoorRecord? found = null;
        var randomness = new Pausing(() =>
        {
            var lookup = new Thread(() =>
            {
                found = store.Find(invite);
                asked.Set();
            });
            lookup.Start();
            Assert.True(asked.Wait(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken));
        });
        store = InviteStore.Open(_directory, randomness);
        randomness.IsArmed = true;
        Assert.NotNull(store.IssueFriendSecret(invite, Samples.PeerId));
        Assert.False(found!.HasEnded);
    }

    [Fact]
    public async Task A_lock_is_held_once_and_free_when_it_is_let_go()
    {
        using (IDisposable? first = _directory.TryLock(StateDirectory.HostLock))
        {
            Assert.NotNull(first);
            Assert.Null(new StateDirectory(_path).TryLock(StateDirectory.HostLock));
            using IDisposable other = await _directory.LockChangesAsync(TimeProvider.System);
            Assert.Null(_directory.TryLock(StateDirectory.ChangeLock));
        }
        using IDisposable? again = _directory.TryLock(StateDirectory.HostLock);
        Assert.NotNull(again);
    }

    private InviteStore Open() => InviteStore.Open(_directory, _randomness);

    /// <summary>Runs something when randomness is drawn, which a change does under its lock.</summary>
    private sealed class Pausing(Action pause) : Punchline.Quic.IRandomness
    {
        public bool IsArmed { get; set; }

        public void FillPublic(Span<byte> destination)
        {
            if (IsArmed)
                pause();
            IsArmed = false;
            destination.Fill(9);
        }

        public void FillSecret(Span<byte> destination) => destination.Fill(9);
    }
}
