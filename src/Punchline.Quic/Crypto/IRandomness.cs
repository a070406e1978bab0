namespace Punchline.Quic;

/// <summary>
/// Randomness, handed in: the base library's in production, seeded in simulation.
/// What goes onto the wire and what stays secret are drawn apart, so that the one tells nothing of the other.
/// </summary>
public interface IRandomness
{
    /// <summary>Fills with bytes that everybody may see: connection ids, path challenges, packet number gaps.</summary>
    void FillPublic(Span<byte> destination);

    /// <summary>Fills with bytes that nobody may ever see: keys and secrets.</summary>
    void FillSecret(Span<byte> destination);
}
