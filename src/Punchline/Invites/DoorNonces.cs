using System.Buffers.Binary;
using Punchline.Quic;

namespace Punchline.Invites;

/// <summary>
/// The host's door nonces: one is current, the one before it stays valid. Tokens live as long as the nonce that they seal, so no
/// clocks need to agree and nothing needs to persist.
/// </summary>
internal sealed class DoorNonces
{
    /// <summary>How long a nonce is the current one (DESIGN: every 10 minutes).</summary>
    public static readonly TimeSpan Period = TimeSpan.FromMinutes(10);

    private readonly IRandomness _randomness;
    private ulong? _previous;

    public DoorNonces(IRandomness randomness, Instant now)
    {
        _randomness = randomness;
        Current = Draw();
        NextRotation = now + Period;
    }

    /// <summary>What clients should seal.</summary>
    public ulong Current { get; private set; }

    /// <summary>When <see cref="Advance"/> has something to do.</summary>
    public Instant NextRotation { get; private set; }

    /// <summary>Draws a new nonce if it is time.</summary>
    /// <returns>True if <see cref="Current"/> changed and is to be published.</returns>
    public bool Advance(Instant now)
    {
        if (now < NextRotation)
            return false;
        // After a long sleep the old one is older than any previous nonce may be.
        _previous = now < NextRotation + Period ? Current : null;
        Current = Draw();
        NextRotation = now + Period;
        return true;
    }

    /// <summary>True if tokens with this nonce may open the door.</summary>
    public bool IsValid(ulong nonce) => nonce == Current || nonce == _previous;

    // It is published, but nobody may know it before: it says that a token is fresh.
    private ulong Draw()
    {
        Span<byte> bytes = stackalloc byte[8];
        _randomness.FillSecret(bytes);
        return BinaryPrimitives.ReadUInt64BigEndian(bytes);
    }
}
