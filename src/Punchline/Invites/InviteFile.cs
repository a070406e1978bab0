using System.Text.Json.Serialization;

namespace Punchline.Invites;

/// <summary>The content of invites.json, never changed in place. Byte arrays are base64.</summary>
internal sealed record InviteFile
{
    public const int CurrentVersion = 1;

    public required int Version { get; init; }

    public required InviteRecord[] Invites { get; init; }

    public required FriendRecord[] Friends { get; init; }

    /// <summary>What once was an invite or a friend, the latest last.</summary>
    public InviteRecord[] Ended { get; init; } = [];
}

/// <summary>An invite, or what is left of a friend.</summary>
internal sealed record InviteRecord
{
    /// <summary>8 bytes.</summary>
    public required byte[] Id { get; init; }

    /// <summary>16 bytes.</summary>
    public required byte[] Secret { get; init; }
}

/// <summary>A friend with a secret of their own.</summary>
internal sealed record FriendRecord
{
    /// <summary>8 bytes: what the friend's tokens carry.</summary>
    public required byte[] Id { get; init; }

    /// <summary>16 bytes.</summary>
    public required byte[] Secret { get; init; }

    /// <summary>32 bytes: the only peer that may use the secret.</summary>
    public required byte[] PeerId { get; init; }

    /// <summary>8 bytes: the invite by which the friend came, and on whose limits it counts.</summary>
    public required byte[] CameBy { get; init; }
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip)]
[JsonSerializable(typeof(InviteFile))]
internal sealed partial class InviteFileJson : JsonSerializerContext;
