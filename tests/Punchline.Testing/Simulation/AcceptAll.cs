using Punchline.Quic;

namespace Punchline.Testing;

/// <summary>A door that is open to everybody, for tests of what lies behind it.</summary>
public sealed class AcceptAll(ReadOnlyMemory<byte> expectedPeer = default) : IAdmission
{
    /// <summary>Connections admitted and not yet ended.</summary>
    public int Live { get; private set; }

    /// <inheritdoc/>
    public AdmissionVerdict Admit(in InitialFacts facts)
    {
        Live++;
        return new AdmissionVerdict { Action = AdmissionAction.Accept, ExpectedPeerId = expectedPeer };
    }

    /// <inheritdoc/>
    public void OnHandshakeEnded(object? tag, bool established)
    {
    }

    /// <inheritdoc/>
    public bool MayResume(object? tag, ReadOnlySpan<byte> binding) => true;

    /// <inheritdoc/>
    public void OnConnectionEnded(object? tag) => Live--;
}
