using System.Text.Json;
using Punchline.Protocol;
using Punchline.Quic;

namespace Punchline.Invites;

/// <summary>
/// The host's invites and friends, kept in invites.json. Whoever reads sees one whole state that never changes; a change makes the
/// next state, writes it, and only then puts it in place. May be called from any thread; readers never wait for the disk.
/// </summary>
/// <remarks>One process at a time: the host's lock on its folder (<see cref="StateDirectory.HostLock"/>) sees to it.</remarks>
internal sealed class InviteStore : IDoorRecords
{
    public const string FileName = "invites.json";

    /// <summary>Open invites at once. With the friends they make the 320 entries of a registration (docs/wire/control.md).</summary>
    public const int MaxInvites = 64;

    /// <summary>Friends at once: far more than a game server seats.</summary>
    public const int MaxFriends = 256;

    /// <summary>
    /// Friends by one invite, so that a leaked one does not fill the table for the others. Who comes later still gets in, by the
    /// invite itself and on its own limits.
    /// </summary>
    public const int MaxFriendsPerInvite = 64;

    /// <summary>Remembered ends, the latest: a whole invite with its friends and some from before. Of older ones nothing is told.</summary>
    public const int MaxEnded = ControlCodec.MaxEnded;

    private readonly Lock _changing = new();
    private readonly StateDirectory _directory;
    private readonly IRandomness _randomness;
    private volatile State _state;

    private InviteStore(StateDirectory directory, IRandomness randomness, InviteFile file)
    {
        _directory = directory;
        _randomness = randomness;
        _state = new State(file);
    }

    /// <summary>Invites or friends came or ended. Raised outside the lock, on the thread that made the change.</summary>
    public event Action? Changed;

    /// <summary>The invites that are open now.</summary>
    public IReadOnlyList<InviteRecord> Invites => _state.File.Invites;

    /// <summary>All ids and secrets that open the door, for the relay keys of a registration.</summary>
    public IReadOnlyList<(InviteId Id, byte[] Secret)> Secrets => _state.Secrets;

    /// <summary>What servers pass on to holders of ended invites.</summary>
    public IReadOnlyList<EndedEntry> Ended => _state.Ended;

    /// <summary>Opens the store; without a file it is empty.</summary>
    /// <exception cref="StateFileException">The file is broken or unreadable. It is left as it is.</exception>
    public static InviteStore Open(StateDirectory directory, IRandomness randomness)
    {
        byte[]? content = directory.Read(FileName);
        InviteFile file = content is null
            ? new InviteFile { Version = InviteFile.CurrentVersion, Invites = [], Friends = [] }
            : Parse(content, directory.PathOf(FileName));
        return new InviteStore(directory, randomness, file);
    }

    /// <summary>Makes a new invite beside the others.</summary>
    /// <exception cref="InvalidOperationException">There are <see cref="MaxInvites"/> already.</exception>
    /// <exception cref="StateFileException">It cannot be written down; nothing changed.</exception>
    public InviteRecord Create()
    {
        InviteRecord invite = Draw();
        lock (_changing)
        {
            InviteFile file = _state.File;
            if (file.Invites.Length >= MaxInvites)
                throw new InvalidOperationException($"There are {MaxInvites} open invites already.");
            Commit(file with { Invites = [.. file.Invites, invite] });
        }
        Changed?.Invoke();
        return invite;
    }

    /// <summary>Ends every open invite, with the friends who came by them, and makes a new one: <c>--new-invite</c>.</summary>
    /// <exception cref="StateFileException">It cannot be written down; nothing changed.</exception>
    public InviteRecord Replace()
    {
        InviteRecord invite = Draw();
        lock (_changing)
        {
            InviteFile file = _state.File;
            // The invites last: they are what most people hold, so they must not be the first to be forgotten.
            InviteRecord[] ended = [.. file.Ended, .. file.Friends.Select(f => new InviteRecord { Id = f.Id, Secret = f.Secret }), .. file.Invites];
            Commit(file with { Invites = [invite], Friends = [], Ended = [.. ended.TakeLast(MaxEnded)] });
        }
        Changed?.Invoke();
        return invite;
    }

    /// <summary>The secret of a peer that was verified under an invite: theirs from before, or a new one.</summary>
    /// <param name="invite">By which invite the peer came.</param>
    /// <param name="peerId">The verified id, 32 bytes.</param>
    /// <returns>Null if there is no room for more friends, or the invite has just ended: then the friend goes on with the invite's, or not at all.</returns>
    /// <exception cref="StateFileException">It cannot be written down; nothing changed.</exception>
    public FriendRecord? IssueFriendSecret(InviteId invite, ReadOnlyMemory<byte> peerId)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(peerId.Length, DoorToken.PeerIdLength, nameof(peerId));
        byte[] cameBy = invite.ToArray();
        FriendRecord friend;
        lock (_changing)
        {
            InviteFile file = _state.File;
            if (Array.Find(file.Friends, f => f.PeerId.AsSpan().SequenceEqual(peerId.Span)) is { } known)
                return known;
            if (!Array.Exists(file.Invites, i => i.Id.AsSpan().SequenceEqual(cameBy)) || file.Friends.Length >= MaxFriends
                || file.Friends.Count(f => f.CameBy.AsSpan().SequenceEqual(cameBy)) >= MaxFriendsPerInvite)
            {
                return null;
            }
            InviteRecord drawn = Draw();
            friend = new FriendRecord { Id = drawn.Id, Secret = drawn.Secret, PeerId = peerId.ToArray(), CameBy = cameBy };
            Commit(file with { Friends = [.. file.Friends, friend] });
        }
        Changed?.Invoke();
        return friend;
    }

    /// <inheritdoc/>
    public DoorRecord? Find(InviteId id) => _state.Door.GetValueOrDefault(id);

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
        if (file is null || file.Version < 1 || file.Invites is null || file.Friends is null)
            throw Broken(path, "a part is missing", null);
        // Earlier builds did not write it, and a generated reader puts null in the place of the default.
        file = file with { Ended = file.Ended ?? [] };
        bool valid = file.Invites.Concat(file.Ended).All(i => i is { Id.Length: Invite.IdLength, Secret.Length: Invite.SecretLength })
            && Array.TrueForAll(file.Friends, f => f is { Id.Length: Invite.IdLength, Secret.Length: Invite.SecretLength, PeerId.Length: DoorToken.PeerIdLength, CameBy.Length: Invite.IdLength });
        if (!valid)
            throw Broken(path, "an id or a secret has a wrong length", null);
        if (file.Invites.Length > MaxInvites || file.Friends.Length > MaxFriends || file.Ended.Length > MaxEnded)
            throw Broken(path, "it holds more entries than there can be", null);
        return file;
    }

    private static StateFileException Broken(string path, string detail, Exception? inner) =>
        new(path, $"it is broken ({detail}). Bring it back from a copy, or remove it: then all invites and friends are forgotten", inner);

    // If the file cannot be written, the state stays as it is.
    private void Commit(InviteFile file)
    {
        _directory.Write(FileName, JsonSerializer.SerializeToUtf8Bytes(file, InviteFileJson.Default.InviteFile));
        _state = new State(file);
    }

    private InviteRecord Draw()
    {
        byte[] id = new byte[Invite.IdLength];
        _randomness.FillPublic(id);
        byte[] secret = new byte[Invite.SecretLength];
        _randomness.FillSecret(secret);
        return new InviteRecord { Id = id, Secret = secret };
    }

    /// <summary>The file, and what is looked up in it.</summary>
    private sealed class State
    {
        public State(InviteFile file)
        {
            File = file;
            foreach (InviteRecord ended in file.Ended)
                Add(new DoorRecord(InviteId.Read(ended.Id), InviteKeys.Door(ended.Secret), PeerId: null, InviteId.Read(ended.Id), InviteKeys.EndProof(ended.Secret)));
            foreach (InviteRecord invite in file.Invites)
                Add(new DoorRecord(InviteId.Read(invite.Id), InviteKeys.Door(invite.Secret), PeerId: null, InviteId.Read(invite.Id), EndProof: null));
            foreach (FriendRecord friend in file.Friends)
                Add(new DoorRecord(InviteId.Read(friend.Id), InviteKeys.Door(friend.Secret), friend.PeerId, InviteId.Read(friend.CameBy), EndProof: null));
            Secrets = [.. file.Invites.Select(i => (InviteId.Read(i.Id), i.Secret)), .. file.Friends.Select(f => (InviteId.Read(f.Id), f.Secret))];
            Ended = [.. file.Ended.Select(e => new EndedEntry(InviteId.Read(e.Id), InviteKeys.EndProof(e.Secret)))];
        }

        public InviteFile File { get; }

        public Dictionary<InviteId, DoorRecord> Door { get; } = [];

        public IReadOnlyList<(InviteId Id, byte[] Secret)> Secrets { get; }

        public IReadOnlyList<EndedEntry> Ended { get; }

        private void Add(DoorRecord record) => Door[record.Id] = record;
    }
}
