using System.Text.Json;
using Punchline.Quic;

namespace Punchline.Invites;

/// <summary>
/// The host's invites and friends, kept in invites.json. Revoking an invite and removing a friend are two things: a friend has
/// a secret of their own since the first join. May be called from any thread; events are raised outside its lock, on the caller's.
/// </summary>
internal sealed class InviteStore : IDoorRecords
{
    public const string FileName = "invites.json";

    /// <summary>Open invites at once. With the friends they make the 320 entries of a registration (docs/wire/control.md).</summary>
    public const int MaxInvites = 64;

    /// <summary>Friends at once: far more than a game server seats.</summary>
    public const int MaxFriends = 256;

    /// <summary>Remembered ends, the latest: a friend with an older invite hears nothing.</summary>
    public const int MaxTombstones = 64;

    private readonly Lock _lock = new();
    private readonly StateDirectory _directory;
    private readonly IRandomness _randomness;
    private readonly TimeProvider _time;
    private readonly List<InviteRecord> _invites;
    private readonly List<FriendRecord> _friends;
    private readonly List<TombstoneRecord> _tombstones;
    private readonly Dictionary<InviteId, DoorRecord> _door = [];

    private InviteStore(StateDirectory directory, IRandomness randomness, TimeProvider time, InviteFile file)
    {
        _directory = directory;
        _randomness = randomness;
        _time = time;
        _invites = file.Invites;
        _friends = file.Friends;
        _tombstones = file.Tombstones;
        foreach (TombstoneRecord tombstone in _tombstones)
            Index(tombstone);
        foreach (InviteRecord invite in _invites)
            Index(InviteId.Read(invite.Id), invite.Secret, peerId: null);
        foreach (FriendRecord friend in _friends)
            Index(InviteId.Read(friend.Id), friend.Secret, friend.PeerId);
    }

    /// <summary>An invite was revoked or a friend removed: connections under this id must end at once, with this reason.</summary>
    public event Action<InviteId, RefusalReason>? Ended;

    /// <summary>The set that servers should know (<see cref="Secrets"/>) changed.</summary>
    public event Action? Changed;

    /// <summary>Opens the store; without a file it is empty.</summary>
    /// <exception cref="StateFileException">The file is broken or unreadable. It is left as it is.</exception>
    public static InviteStore Open(StateDirectory directory, IRandomness randomness, TimeProvider time)
    {
        byte[]? content = directory.Read(FileName);
        InviteFile file = content is null
            ? new InviteFile { Version = InviteFile.CurrentVersion, Invites = [], Friends = [], Tombstones = [] }
            : Parse(content, directory.PathOf(FileName));
        return new InviteStore(directory, randomness, time, file);
    }

    /// <summary>The invites that are open now.</summary>
    public IReadOnlyList<InviteRecord> Invites
    {
        get
        {
            lock (_lock)
            {
                BuryExpired();
                return [.. _invites];
            }
        }
    }

    /// <summary>The friends with a secret of their own.</summary>
    public IReadOnlyList<FriendRecord> Friends
    {
        get
        {
            lock (_lock)
                return [.. _friends];
        }
    }

    /// <summary>All ids and secrets that open the door, for the relay keys of a registration.</summary>
    public IReadOnlyList<(InviteId Id, byte[] Secret)> Secrets
    {
        get
        {
            lock (_lock)
            {
                BuryExpired();
                return [.. _invites.Select(i => (InviteId.Read(i.Id), i.Secret)), .. _friends.Select(f => (InviteId.Read(f.Id), f.Secret))];
            }
        }
    }

    /// <summary>Makes a new invite beside the others.</summary>
    /// <param name="lifetime">Null: no end.</param>
    /// <param name="uses">How many friends may join by it, null: any number.</param>
    /// <exception cref="InvalidOperationException">There are <see cref="MaxInvites"/> already.</exception>
    /// <exception cref="StateFileException">It cannot be written down; nothing changed.</exception>
    public InviteRecord Create(TimeSpan? lifetime = null, int? uses = null)
    {
        if (uses is { } count)
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count, nameof(uses));
        InviteRecord invite;
        lock (_lock)
        {
            BuryExpired();
            invite = Draw(lifetime, uses);
            if (_invites.Count >= MaxInvites)
                throw new InvalidOperationException($"There are {MaxInvites} open invites already: revoke one first.");
            Commit(() =>
            {
                _invites.Add(invite);
                Index(InviteId.Read(invite.Id), invite.Secret, peerId: null);
            });
        }
        Changed?.Invoke();
        return invite;
    }

    /// <summary>Ends every open invite and makes a new one: <c>--new-invite</c>.</summary>
    /// <param name="removeFriends">True: friends who came by the old ones must be invited again as well.</param>
    public InviteRecord Replace(bool removeFriends)
    {
        InviteRecord invite;
        var ended = new List<(InviteId Id, RefusalReason Reason)>();
        lock (_lock)
        {
            BuryExpired();
            invite = Draw(lifetime: null, uses: null);
            Commit(() =>
            {
                foreach (InviteRecord old in _invites.ToArray())
                    End(old, RefusalReason.Revoked, ended);
                if (removeFriends)
                {
                    foreach (FriendRecord friend in _friends.ToArray())
                        End(friend, RefusalReason.Revoked, ended);
                }
                _invites.Add(invite);
                Index(InviteId.Read(invite.Id), invite.Secret, peerId: null);
            });
        }
        Announce(ended);
        return invite;
    }

    /// <summary>Ends one invite.</summary>
    /// <param name="id">The invite.</param>
    /// <param name="removeFriends">True: also the friends who came by it.</param>
    /// <returns>False if it is not open.</returns>
    public bool Revoke(InviteId id, bool removeFriends)
    {
        var ended = new List<(InviteId Id, RefusalReason Reason)>();
        lock (_lock)
        {
            if (_invites.Find(i => InviteId.Read(i.Id) == id) is not { } invite)
                return false;
            Commit(() =>
            {
                End(invite, RefusalReason.Revoked, ended);
                if (!removeFriends)
                    return;
                foreach (FriendRecord friend in _friends.FindAll(f => InviteId.Read(f.CameBy) == id))
                    End(friend, RefusalReason.Revoked, ended);
            });
        }
        Announce(ended);
        return true;
    }

    /// <summary>Removes a friend; their invite, if it is still open, would let them in again.</summary>
    /// <returns>False if there is no such friend.</returns>
    public bool RemoveFriend(ReadOnlyMemory<byte> peerId)
    {
        var ended = new List<(InviteId Id, RefusalReason Reason)>();
        lock (_lock)
        {
            if (_friends.Find(f => f.PeerId.AsSpan().SequenceEqual(peerId.Span)) is not { } friend)
                return false;
            Commit(() => End(friend, RefusalReason.Removed, ended));
        }
        Announce(ended);
        return true;
    }

    /// <summary>The secret of a peer that was verified under an invite: theirs from before, or a new one.</summary>
    /// <param name="invite">By which invite the peer came.</param>
    /// <param name="peerId">The verified id, 32 bytes.</param>
    /// <returns>Null if there are <see cref="MaxFriends"/> already, or the invite has just been revoked: then the friend goes on with the invite's, or not at all.</returns>
    public FriendRecord? IssueFriendSecret(InviteId invite, ReadOnlyMemory<byte> peerId)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(peerId.Length, DoorToken.PeerIdLength, nameof(peerId));
        FriendRecord friend;
        lock (_lock)
        {
            if (_friends.Find(f => f.PeerId.AsSpan().SequenceEqual(peerId.Span)) is { } known)
                return known;
            if (_friends.Count >= MaxFriends || !_door.TryGetValue(invite, out DoorRecord? record) || record.Refusal is RefusalReason.Revoked or RefusalReason.Removed)
                return null;
            friend = new FriendRecord { Id = DrawId(), Secret = DrawSecret(), PeerId = peerId.ToArray(), CameBy = invite.ToArray() };
            Commit(() =>
            {
                _friends.Add(friend);
                Index(InviteId.Read(friend.Id), friend.Secret, friend.PeerId);
            });
        }
        Changed?.Invoke();
        return friend;
    }

    /// <inheritdoc/>
    public DoorRecord? Find(InviteId id)
    {
        lock (_lock)
        {
            BuryExpired();
            return _door.GetValueOrDefault(id);
        }
    }

    /// <inheritdoc/>
    public void OnJoined(InviteId id, ReadOnlyMemory<byte> peerId)
    {
        lock (_lock)
        {
            int index = _invites.FindIndex(i => InviteId.Read(i.Id) == id);
            // A friend who comes again by the invite takes no further place.
            if (index < 0 || _invites[index].UsesLeft is not { } left || _friends.Exists(f => f.PeerId.AsSpan().SequenceEqual(peerId.Span)))
                return;
            Commit(() =>
            {
                if (left > 1)
                    _invites[index] = _invites[index] with { UsesLeft = left - 1 };
                else
                    End(_invites[index], RefusalReason.UsedUp, ended: null);
            });
        }
        Changed?.Invoke();
    }

    private static InviteFile Parse(byte[] content, string path)
    {
        InviteFile? file;
        try
        {
            file = JsonSerializer.Deserialize(content, InviteFileJson.Default.InviteFile);
        }
        catch (JsonException e)
        {
            throw Broken(path, e.Message, e);
        }
        if (file is { Version: > InviteFile.CurrentVersion })
            throw new StateFileException(path, "it was written by a newer version of punchline: update this one", null);
        if (file is null || file.Version < 1 || file.Invites is null || file.Friends is null || file.Tombstones is null)
            throw Broken(path, "a part is missing", null);
        bool valid = file.Invites.TrueForAll(i => i is { Id.Length: Invite.IdLength, Secret.Length: Invite.SecretLength })
            && file.Friends.TrueForAll(f => f is { Id.Length: Invite.IdLength, Secret.Length: Invite.SecretLength, PeerId.Length: DoorToken.PeerIdLength, CameBy.Length: Invite.IdLength })
            && file.Tombstones.TrueForAll(t => t is { Id.Length: Invite.IdLength, DoorKey.Length: InviteKeys.DoorKeyLength });
        if (!valid)
            throw Broken(path, "an id or a secret has a wrong length", null);
        if (file.Invites.Count > MaxInvites || file.Friends.Count > MaxFriends || file.Tombstones.Count > MaxTombstones)
            throw Broken(path, "it holds more entries than there can be", null);
        return file;
    }

    private static StateFileException Broken(string path, string detail, Exception? inner) =>
        new(path, $"it is broken ({detail}). Bring it back from a copy, or remove it: then all invites and friends are forgotten", inner);

    private void Announce(List<(InviteId Id, RefusalReason Reason)> ended)
    {
        foreach ((InviteId id, RefusalReason reason) in ended)
            Ended?.Invoke(id, reason);
        Changed?.Invoke();
    }

    // Changes memory and file together: if the file cannot be written, memory is as before.
    private void Commit(Action change)
    {
        InviteRecord[] invites = [.. _invites];
        FriendRecord[] friends = [.. _friends];
        TombstoneRecord[] tombstones = [.. _tombstones];
        var door = new Dictionary<InviteId, DoorRecord>(_door);
        change();
        try
        {
            var file = new InviteFile { Version = InviteFile.CurrentVersion, Invites = _invites, Friends = _friends, Tombstones = _tombstones };
            _directory.Write(FileName, JsonSerializer.SerializeToUtf8Bytes(file, InviteFileJson.Default.InviteFile));
        }
        catch (StateFileException)
        {
            Restore(_invites, invites);
            Restore(_friends, friends);
            Restore(_tombstones, tombstones);
            _door.Clear();
            foreach ((InviteId id, DoorRecord record) in door)
                _door[id] = record;
            throw;
        }
    }

    private static void Restore<T>(List<T> list, T[] before)
    {
        list.Clear();
        list.AddRange(before);
    }

    // Written down with the next change: after a restart it is found to have expired again.
    private void BuryExpired()
    {
        for (int i = _invites.Count - 1; i >= 0; i--)
        {
            if (_invites[i].ExpiresAt is { } end && end <= _time.GetUtcNow())
                End(_invites[i], RefusalReason.Expired, ended: null);
        }
    }

    private void End(InviteRecord invite, RefusalReason reason, List<(InviteId Id, RefusalReason Reason)>? ended)
    {
        _invites.Remove(invite);
        Bury(invite.Id, invite.Secret, reason, ended);
    }

    private void End(FriendRecord friend, RefusalReason reason, List<(InviteId Id, RefusalReason Reason)>? ended)
    {
        _friends.Remove(friend);
        Bury(friend.Id, friend.Secret, reason, ended);
    }

    private void Bury(byte[] id, byte[] secret, RefusalReason reason, List<(InviteId Id, RefusalReason Reason)>? ended)
    {
        var tombstone = new TombstoneRecord { Id = id, DoorKey = InviteKeys.Door(secret), Reason = reason };
        _tombstones.Add(tombstone);
        if (_tombstones.Count > MaxTombstones)
        {
            _door.Remove(InviteId.Read(_tombstones[0].Id));
            _tombstones.RemoveAt(0);
        }
        Index(tombstone);
        ended?.Add((InviteId.Read(id), reason));
    }

    private void Index(TombstoneRecord tombstone)
    {
        var id = InviteId.Read(tombstone.Id);
        _door[id] = new DoorRecord(id, tombstone.DoorKey, PeerId: null, tombstone.Reason);
    }

    private void Index(InviteId id, byte[] secret, byte[]? peerId) =>
        _door[id] = new DoorRecord(id, InviteKeys.Door(secret), peerId is null ? (ReadOnlyMemory<byte>?)null : peerId, Refusal: null);

    private InviteRecord Draw(TimeSpan? lifetime, int? uses) =>
        new() { Id = DrawId(), Secret = DrawSecret(), ExpiresAt = lifetime is { } span ? _time.GetUtcNow() + span : null, UsesLeft = uses };

    private byte[] DrawId()
    {
        byte[] id = new byte[Invite.IdLength];
        _randomness.FillPublic(id);
        return id;
    }

    private byte[] DrawSecret()
    {
        byte[] secret = new byte[Invite.SecretLength];
        _randomness.FillSecret(secret);
        return secret;
    }
}
