namespace Punchline.Invites;

/// <summary>
/// What a host gives a friend: whom to reach (host id), by which invite (id and secret), through which servers.
/// Whoever has it can join. Its bytes and text are in docs/wire/invite.md.
/// </summary>
public sealed class Invite
{
    /// <summary>Bytes of a host id: a SHA-256.</summary>
    public const int HostIdLength = 32;

    /// <summary>Bytes of an invite id.</summary>
    public const int IdLength = 8;

    /// <summary>Bytes of a secret: as strong as the AES-128 that it keys.</summary>
    public const int SecretLength = 16;

    /// <summary>More servers than anybody needs for redundancy; they are raced, so each costs the client a connection.</summary>
    public const int MaxServers = 8;

    /// <summary>An invite from its parts.</summary>
    /// <param name="hostId">32 bytes.</param>
    /// <param name="id">8 bytes.</param>
    /// <param name="secret">16 bytes.</param>
    /// <param name="servers">1 to 8.</param>
    /// <exception cref="ArgumentException">A part has a wrong length.</exception>
    public Invite(ReadOnlyMemory<byte> hostId, ReadOnlyMemory<byte> id, ReadOnlyMemory<byte> secret, IReadOnlyList<ServerAddress> servers)
    {
        ArgumentNullException.ThrowIfNull(servers);
        ArgumentOutOfRangeException.ThrowIfNotEqual(hostId.Length, HostIdLength, nameof(hostId));
        ArgumentOutOfRangeException.ThrowIfNotEqual(id.Length, IdLength, nameof(id));
        ArgumentOutOfRangeException.ThrowIfNotEqual(secret.Length, SecretLength, nameof(secret));
        ArgumentOutOfRangeException.ThrowIfZero(servers.Count, nameof(servers));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(servers.Count, MaxServers, nameof(servers));
        HostId = hostId;
        Id = id;
        Secret = secret;
        Servers = servers;
    }

    /// <summary>The host's peer id, 32 bytes.</summary>
    public ReadOnlyMemory<byte> HostId { get; }

    /// <summary>Which of the host's invites, 8 bytes. Travels in the clear.</summary>
    public ReadOnlyMemory<byte> Id { get; }

    /// <summary>What opens the door, 16 bytes. Never travels but in the invite itself.</summary>
    public ReadOnlyMemory<byte> Secret { get; }

    /// <summary>The servers through which the host is to be found, 1 to 8.</summary>
    public IReadOnlyList<ServerAddress> Servers { get; }

    /// <summary>Reads an invite as it comes out of a chat program or a terminal.</summary>
    /// <param name="text">Spaces, quotes, backticks, brackets, line breaks and words in front do no harm.</param>
    /// <param name="invite">The invite.</param>
    /// <param name="error">What is wrong.</param>
    /// <param name="explanation">The same as a sentence for people, empty on success.</param>
    /// <returns>False if it is not a whole, undamaged invite of a known version. Never throws.</returns>
    public static bool TryParse(string? text, out Invite? invite, out InviteError error, out string explanation)
    {
        error = InviteText.Parse(text, out invite, out explanation);
        return error == InviteError.None;
    }

    /// <summary>The link form, "punchline://1…".</summary>
    public string ToUri() => InviteText.Format(this, InviteText.UriPrefix);

    /// <summary>The text to copy, "punchline1…".</summary>
    public override string ToString() => InviteText.Format(this, InviteText.Word);
}
