using System.Text.Json;
using System.Text.Json.Serialization;
using Punchline.Invites;
using Punchline.Protocol;

namespace Punchline.Hosting;

/// <summary>
/// What a client remembers of the hosts it has joined: its own secret at each, and the services. May be called from any thread; other
/// processes may have the same file open, so each change is made to what the file holds then.
/// </summary>
internal sealed class ClientState
{
    public const string FileName = "joined.json";

    /// <summary>Hosts that are remembered, the latest: more than anybody has friends.</summary>
    public const int MaxHosts = 256;

    /// <summary>Tickets that are kept for one host, the latest: those of two connections.</summary>
    public const int MaxSessions = 4;

    /// <summary>The longest that is kept, in bytes: one of our hosts' has some 350.</summary>
    private const int MaxSessionLength = 8 * 1024;

    private readonly StateDirectory _directory;
    private readonly byte[] _hostId;
    private readonly TimeProvider _time;
    private volatile JoinedHost _entry;

    private ClientState(StateDirectory directory, byte[] hostId, TimeProvider time)
    {
        _directory = directory;
        _hostId = hostId;
        _time = time;
        _entry = EntryIn(Read());
    }

    /// <summary>Our own id and secret at this host; null before it gave them.</summary>
    public (InviteId Id, byte[] Secret)? Friend => _entry is { FriendId: { } id, FriendSecret: { } secret } ? (InviteId.Read(id), secret) : null;

    /// <summary>The services of the last time; empty before the first.</summary>
    public IReadOnlyList<JoinedService> Services => _entry.Services;

    /// <summary>Reads what is remembered.</summary>
    /// <exception cref="StateFileException">The file is broken or unreadable. It is left as it is.</exception>
    public static ClientState Open(StateDirectory directory, ReadOnlySpan<byte> hostId, TimeProvider time) => new(directory, hostId.ToArray(), time);

    /// <summary>The host gave us a secret of our own.</summary>
    /// <exception cref="StateFileException">It cannot be written down.</exception>
    public Task SetFriendAsync(InviteId id, byte[] secret) => ChangeAsync(entry => entry with { FriendId = id.ToArray(), FriendSecret = secret });

    /// <summary>The host's services.</summary>
    /// <exception cref="StateFileException">They cannot be written down.</exception>
    public Task SetServicesAsync(IReadOnlyList<ServiceInfo> services) =>
        ChangeAsync(entry => entry with { Services = [.. services.Select(s => new JoinedService { Name = s.Name, Udp = s.Protocol == ServiceProtocol.Udp })] });

    /// <summary>The host gave us tickets to come back with.</summary>
    /// <exception cref="StateFileException">They cannot be written down.</exception>
    public Task AddSessionsAsync(IReadOnlyList<byte[]> sessions)
    {
        DateTimeOffset now = _time.GetUtcNow();
        var added = sessions.Where(session => session.Length is > 0 and <= MaxSessionLength).Select(session => new JoinedSession { Session = session, ReceivedAt = now });
        return ChangeAsync(entry => entry with { Sessions = [.. added.Concat(entry.Sessions ?? []).Take(MaxSessions)] });
    }

    /// <summary>Takes the latest ticket, which is then remembered no more.</summary>
    /// <returns>Null if there is none.</returns>
    /// <exception cref="StateFileException">It cannot be written down that it is gone.</exception>
    public async Task<RememberedSession?> TakeSessionAsync()
    {
        if (_entry.Sessions is not { Count: > 0 })
            return null;
        JoinedSession? taken = null;
        await ChangeAsync(entry =>
        {
            // Another process may have been faster.
            taken = entry.Sessions?.FirstOrDefault();
            return entry with { Sessions = taken is null ? null : [.. entry.Sessions!.Skip(1)] };
        }).ConfigureAwait(false);
        return taken is null ? null : new RememberedSession(taken.Session, _time.GetUtcNow() - taken.ReceivedAt);
    }

    private async Task ChangeAsync(Func<JoinedHost, JoinedHost> change)
    {
        using IDisposable held = await _directory.LockChangesAsync(_time).ConfigureAwait(false);
        List<JoinedHost> hosts = Read();
        JoinedHost before = EntryIn(hosts);
        JoinedHost after = change(before);
        hosts.Remove(before);
        hosts.Insert(0, after);
        var file = new JoinedFile { Version = JoinedFile.CurrentVersion, Hosts = [.. hosts.Take(MaxHosts)] };
        _directory.Write(FileName, JsonSerializer.SerializeToUtf8Bytes(file, JoinedFileJson.Default.JoinedFile));
        _entry = after;
    }

    private JoinedHost EntryIn(List<JoinedHost> hosts) =>
        hosts.Find(host => host.HostId.AsSpan().SequenceEqual(_hostId)) ?? new JoinedHost { HostId = _hostId, Services = [] };

    private List<JoinedHost> Read() => _directory.Read(FileName) is { } content ? Parse(content, _directory.PathOf(FileName)) : [];

    private static List<JoinedHost> Parse(byte[] content, string path)
    {
        JoinedFile? file;
        try
        {
            file = JsonSerializer.Deserialize(content, JoinedFileJson.Default.JoinedFile);
        }
        catch (JsonException e)
        {
            throw new StateFileException(path, $"it is broken ({e.Message}). Remove it: the invites still work", e);
        }
        if (file is not { Hosts: { } hosts } || !hosts.TrueForAll(IsWhole))
            throw new StateFileException(path, "it is broken. Remove it: the invites still work", null);
        return hosts.ConvertAll(host => host with
        {
            FriendId = host.FriendId is { Length: > 0 } ? host.FriendId : null,
            FriendSecret = host.FriendSecret is { Length: > 0 } ? host.FriendSecret : null,
        });
    }

    // Earlier builds wrote what is missing as "".
    private static bool IsWhole(JoinedHost? host) =>
        host is { HostId.Length: Invite.HostIdLength, Services: { } services } && services.TrueForAll(service => service is { Name: not null })
        && (host.Sessions?.TrueForAll(session => session is { Session.Length: > 0 and <= MaxSessionLength }) ?? true)
        && host.FriendId is null or { Length: 0 or Invite.IdLength } && host.FriendSecret is null or { Length: 0 or Invite.SecretLength };
}

/// <summary>A ticket of a host's, to be used once.</summary>
/// <param name="Session">Secret, and opaque to all but the core.</param>
/// <param name="Age">Since it was given, by the wall clock.</param>
internal sealed record RememberedSession(byte[] Session, TimeSpan Age);

/// <summary>The content of joined.json. Byte arrays are base64.</summary>
internal sealed class JoinedFile
{
    public const int CurrentVersion = 1;

    public required int Version { get; init; }

    public required List<JoinedHost> Hosts { get; init; }
}

/// <summary>A host that was joined.</summary>
internal sealed record JoinedHost
{
    /// <summary>32 bytes.</summary>
    public required byte[] HostId { get; init; }

    /// <summary>8 bytes.</summary>
    public byte[]? FriendId { get; init; }

    /// <summary>16 bytes.</summary>
    public byte[]? FriendSecret { get; init; }

    public required List<JoinedService> Services { get; init; }

    /// <summary>Tickets, the latest first.</summary>
    public List<JoinedSession>? Sessions { get; init; }
}

/// <summary>A ticket to come back with.</summary>
internal sealed record JoinedSession
{
    public required byte[] Session { get; init; }

    public required DateTimeOffset ReceivedAt { get; init; }
}

/// <summary>One of its services.</summary>
internal sealed record JoinedService
{
    public required string Name { get; init; }

    public required bool Udp { get; init; }
}

// A generated writer writes a null byte[] as "", so null is not written at all.
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip)]
[JsonSerializable(typeof(JoinedFile))]
internal sealed partial class JoinedFileJson : JsonSerializerContext;
