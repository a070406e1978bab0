using System.Net;
using System.Security.Cryptography;
using Punchline.Invites;
using Punchline.Quic;

namespace Punchline.Fuzz.Targets;

/// <summary>What both kinds of token are sealed for.</summary>
internal static class TokenFacts
{
    public static readonly byte[] HostId = new byte[Invite.HostIdLength];
    public static readonly byte[] PeerId = SHA256.HashData("peer"u8);
    public static readonly byte[] Secret = new byte[Invite.SecretLength];
    public static readonly InviteId Id = new(7);
    public static readonly ConnectionId Destination = new(SHA256.HashData("destination"u8).AsSpan(0, DoorToken.ConnectionIdLength));
}

/// <summary>
/// The token in a first Initial packet (docs/wire/door.md). Nothing opens but what we sealed; the input's bytes as the sealed facts come back.
/// </summary>
internal sealed class DoorTokenTarget : IFuzzTarget
{
    private const ulong DoorNonce = 0x1112_1314_1516_1718;

    private static readonly byte[] Genuine =
        DoorToken.Seal(TokenFacts.Secret, TokenFacts.Id, TokenFacts.HostId, TokenFacts.Destination, DoorNonce, TokenFacts.PeerId);

    public string Name => "door-token";

    public string Reads => "door tokens";

    public int MaxLength => 256;

    public AllocationBound Allocation => new(8192, 4);

    public int TestRuns => 20_000;

    public IEnumerable<byte[]> Seeds() => [Genuine, RetryTokenTarget.Genuine];

    public void Run(ReadOnlySpan<byte> input)
    {
        bool isToken = DoorToken.TryReadHeader(input, out DoorTokenKind kind, out _);
        Check.That(!isToken || kind is DoorTokenKind.Invite or DoorTokenKind.Retry, "a token of no kind");
        using var key = new AesGcm(InviteKeys.Door(TokenFacts.Secret), DoorToken.TagLength);
        Span<byte> peerId = stackalloc byte[DoorToken.PeerIdLength];
        if (!DoorToken.TryOpen(key, input, TokenFacts.HostId, TokenFacts.Destination, out ulong nonce, peerId))
            return;
        Check.Same(Genuine, input, "a forged token opens");
        Check.That(nonce == DoorNonce, "another nonce than was sealed");
        Check.Same(TokenFacts.PeerId, peerId, "another peer than was sealed");
    }
}

/// <summary>The token of our Retry packets: nothing opens but what we sealed, and whatever path and facts we seal come back.</summary>
internal sealed class RetryTokenTarget : IFuzzTarget
{
    private static readonly byte[] Key = new byte[16];
    private static readonly byte[] GcmNonce = new byte[12];

    public static readonly byte[] Genuine = Seal(new RetryFacts(5, TokenFacts.Destination,
        new RetryPath(PathKind.Relay, 9, new UdpAddress(IPAddress.Parse("192.0.2.7"), 4433)), 77));

    public string Name => "retry-token";

    public string Reads => "the tokens of Retry packets";

    public int MaxLength => 256;

    public AllocationBound Allocation => new(8192, 4);

    public int TestRuns => 20_000;

    public IEnumerable<byte[]> Seeds() => [Genuine];

    public void Run(ReadOnlySpan<byte> input)
    {
        DoorToken.TryReadHeader(input, out _, out _);
        using var key = new AesGcm(Key, DoorToken.TagLength);
        Span<byte> peerId = stackalloc byte[DoorToken.PeerIdLength];
        if (RetryToken.TryOpen(key, input, TokenFacts.HostId, out _, peerId))
            Check.Same(Genuine, input, "a forged token opens");
        if (input.Length < 64)
            return;
        // The input as facts.
        var address = UdpAddress.FromBytes(input[0] % 2 == 0 ? input[1..5] : input[1..17], 0, (ushort)(input[17] << 8 | input[18]));
        var facts = new RetryFacts(BitConverter.ToUInt64(input[19..]), new ConnectionId(input[27..47]),
            new RetryPath((PathKind)(input[47] & 1), BitConverter.ToUInt64(input[48..]), address), BitConverter.ToUInt32(input[56..]) & RetryToken.SecondsMask);
        Check.That(RetryToken.TryOpen(key, Seal(facts), TokenFacts.HostId, out RetryFacts again, peerId) && again == facts, "facts do not come back");
        Check.Same(TokenFacts.PeerId, peerId, "another peer than was sealed");
    }

    private static byte[] Seal(in RetryFacts facts)
    {
        using var key = new AesGcm(Key, DoorToken.TagLength);
        return RetryToken.Seal(key, GcmNonce, TokenFacts.Id, TokenFacts.HostId, TokenFacts.PeerId, facts);
    }
}
