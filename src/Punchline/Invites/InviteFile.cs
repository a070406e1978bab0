using System.Text.Json.Serialization;

namespace Punchline.Invites;

/// <summary>The content of invites.json. Byte arrays are base64.</summary>
internal sealed class InviteFile
{
    public const int CurrentVersion = 1;

    public required int Version { get; init; }

    public required List<InviteRecord> Invites { get; init; }

    public required List<FriendRecord> Friends { get; init; }

    public required List<TombstoneRecord> Tombstones { get; init; }
}

/// <summary>An invite that is open.</summary>
internal sealed record InviteRecord
{
    /// <summary>8 bytes.</summary>
    public required byte[] Id { get; init; }

    /// <summary>16 bytes.</summary>
    public required byte[] Secret { get; init; }

    /// <summary>By this machine's clock; null: never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>How many more friends may join by it; null: any number.</summary>
    public int? UsesLeft { get; init; }
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

    /// <summary>8 bytes: the invite by which the friend came.</summary>
    public required byte[] CameBy { get; init; }
}

/// <summary>What once was an invite or a friend: enough to open a late token and tell the reason.</summary>
internal sealed record TombstoneRecord
{
    public required byte[] Id { get; init; }

    /// <summary>16 bytes: the door key, not the secret.</summary>
    public required byte[] DoorKey { get; init; }

    public required RefusalReason Reason { get; init; }
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip)]
[JsonSerializable(typeof(InviteFile))]
internal sealed partial class InviteFileJson : JsonSerializerContext;
