using Punchline.Quic;

namespace Punchline.Interop.Ours;

/// <summary>
/// Sends each client a Retry first, and takes it when it comes back with the token (RFC 9000 section 8.1.2). Who may have copied the token
/// is no matter here: the production's door has its own tests.
/// </summary>
internal sealed class RetryFirst : IAdmission
{
    /// <summary>How many Retry packets went out.</summary>
    public int Retries { get; private set; }

    /// <summary>How many clients came back with a token.</summary>
    public int Returns { get; private set; }

    public AdmissionVerdict Admit(in InitialFacts facts)
    {
        if (facts.Token.IsEmpty)
        {
            Retries++;
            // The token is the id that the client chose first, which the transport parameters must repeat (RFC 9000 section 7.3).
            return new AdmissionVerdict { Action = AdmissionAction.Retry, RetryToken = facts.Destination.Span.ToArray() };
        }
        Returns++;
        return new AdmissionVerdict { Action = AdmissionAction.Accept, AddressValidated = true, OriginalDestination = new ConnectionId(facts.Token) };
    }

    public void OnHandshakeEnded(object? tag, bool established)
    {
    }

    public void OnConnectionEnded(object? tag)
    {
    }
}
