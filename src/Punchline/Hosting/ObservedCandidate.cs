using Punchline.Quic;

namespace Punchline.Hosting;

/// <summary>
/// Tells a peer what we tell everybody, and where that peer sees us on a direct path (OBSERVED_ADDRESS, docs/wire/punch.md section 4.4): the newest
/// of these, for this peer alone. Driver thread only.
/// </summary>
/// <param name="book">What we tell everybody.</param>
/// <param name="teller">The peer's session.</param>
internal sealed class ObservedCandidate(CandidateBook book, ICandidateTeller teller) : ICandidateTeller
{
    private UdpAddress _address;

    /// <summary>The peer sees us at this address.</summary>
    /// <returns>False if that is no news.</returns>
    public bool TryTake(in UdpAddress address)
    {
        if (address == _address)
            return false;
        // One that a server sees or an interface has is the book's to take back: the peer saw it here first, and will need it again.
        if (!_address.IsNone && !book.Tells(_address))
            teller.TakeBack(_address, isGone: true);
        _address = address;
        teller.Tell(new Candidate(address, CandidateKind.PeerReflexive));
        return true;
    }

    /// <inheritdoc/>
    public void Tell(Candidate candidate) => teller.Tell(candidate);

    /// <inheritdoc/>
    /// <remarks>A server that we leave takes its word back, not the peer's own: the path in use begins there, and the peer does not say it twice.</remarks>
    public void TakeBack(UdpAddress address, bool isGone)
    {
        if (address == _address)
        {
            if (!isGone)
                return;
            _address = default;
        }
        teller.TakeBack(address, isGone);
    }
}
