using System.Text.Json;
using System.Text.Json.Serialization;
using Punchline.Invites;
using Punchline.Protocol;

namespace Punchline.Hosting;

/// <summary>What a client remembers of the hosts it has joined: its own secret at each, and the services. May be called from any thread.</summary>
internal sealed class ClientState
{
    public const string FileName = "joined.json";

    /// <summary>Hosts that are remembered, the latest: more than anybody has friends.</summary>
    public const int MaxHosts = 256;

    private readonly Lock _lock = new();
    private readonly StateDirectory _directory;
    private readonly byte[] _hostId;
    private readonly List<JoinedHost> _hosts;

    private ClientState(StateDirectory directory, byte[] hostId, List<JoinedHost> hosts)
    {
        _directory = directory;
        _hostId = hostId;
        _hosts = hosts;
    }

    /// <summary>Our own id and secret at this host; null before it gave them.</summary>
    public (InviteId Id, byte[] Secret)? Friend
    {
        get
        {
            lock (_lock)
                return Entry is { FriendId: { } id, FriendSecret: { } secret } ? (InviteId.Read(id), secret) : null;
        }
    }

    /// <summary>The services of the last time; empty before the first.</summary>
    public IReadOnlyList<JoinedService> Services
    {
        get
        {
            lock (_lock)
                return Entry?.Services ?? [];
        }
    }

    private JoinedHost? Entry => _hosts.Find(host => host.HostId.AsSpan().SequenceEqual(_hostId));

    /// <summary>Reads what is remembered.</summary>
    /// <exception cref="StateFileException">The file is broken or unreadable. It is left as it is.</exception>
    public static ClientState Open(StateDirectory directory, ReadOnlySpan<byte> hostId)
    {
        byte[]? content = directory.Read(FileName);
        List<JoinedHost> hosts = content is null ? [] : Parse(content, directory.PathOf(FileName)).Hosts;
        return new ClientState(directory, hostId.ToArray(), hosts);
    }

    /// <summary>The host gave us a secret of our own.</summary>
    /// <exception cref="StateFileException">It cannot be written down.</exception>
    public void SetFriend(InviteId id, byte[] secret) => Change(entry => entry with { FriendId = id.ToArray(), FriendSecret = secret });

    /// <summary>Our secret is not taken any more.</summary>
    /// <exception cref="StateFileException">It cannot be written down.</exception>
    public void ForgetFriend() => Change(entry => entry with { FriendId = null, FriendSecret = null });

    /// <summary>The host's services.</summary>
    /// <exception cref="StateFileException">They cannot be written down.</exception>
    public void SetServices(IReadOnlyList<ServiceInfo> services) =>
        Change(entry => entry with { Services = [.. services.Select(s => new JoinedService { Name = s.Name, Udp = s.Protocol == ServiceProtocol.Udp })] });

    private static JoinedFile Parse(byte[] content, string path)
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
        bool valid = file is { Hosts: not null } && file.Hosts.TrueForAll(host => host is { HostId.Length: Invite.HostIdLength, Services: not null }
            && host.FriendId is null or { Length: Invite.IdLength } && host.FriendSecret is null or { Length: Invite.SecretLength });
        return valid ? file! : throw new StateFileException(path, "it is broken. Remove it: the invites still work", null);
    }

    private void Change(Func<JoinedHost, JoinedHost> change)
    {
        lock (_lock)
        {
            JoinedHost before = Entry ?? new JoinedHost { HostId = _hostId, Services = [] };
            JoinedHost after = change(before);
            _hosts.Remove(before);
            _hosts.Insert(0, after);
            if (_hosts.Count > MaxHosts)
                _hosts.RemoveAt(_hosts.Count - 1);
            var file = new JoinedFile { Version = JoinedFile.CurrentVersion, Hosts = _hosts };
            _directory.Write(FileName, JsonSerializer.SerializeToUtf8Bytes(file, JoinedFileJson.Default.JoinedFile));
        }
    }
}

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
}

/// <summary>One of its services.</summary>
internal sealed record JoinedService
{
    public required string Name { get; init; }

    public required bool Udp { get; init; }
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip)]
[JsonSerializable(typeof(JoinedFile))]
internal sealed partial class JoinedFileJson : JsonSerializerContext;
