using Punchline.Protocol;
using Punchline.Quic;

namespace Punchline.Server.Relay;

/// <summary>
/// One end of forwarding: a handle, its key, the channel that it stands on, and the address that was bound to it. What is sent to it goes
/// the way by which it was last heard. The UDP loop owns all but the attestations.
/// </summary>
internal sealed class RelayBinding(ulong handle, byte[] key, IRelayChannel channel)
{
    private readonly Lock _gate = new();
    private readonly List<Attestation> _attestations = [];

    public ulong Handle { get; } = handle;

    /// <summary>16 bytes.</summary>
    public byte[] Key { get; } = key;

    public IRelayChannel Channel { get; } = channel;

    /// <summary>None until a BIND was accepted.</summary>
    public UdpAddress Address { get; private set; }

    /// <summary>Our own address that the BIND reached: answers leave from there.</summary>
    public UdpAddress Local { get; private set; }

    public ulong LastSequence { get; private set; }

    /// <summary>The end was last heard on its channel, or not yet.</summary>
    public bool IsOnChannel { get; private set; } = true;

    /// <summary>There is a way to send to it.</summary>
    public bool IsReachable => IsOnChannel ? Channel.TakesFrames : !Address.IsNone;

    /// <summary>A BIND was accepted.</summary>
    public void Bind(Instant now, in UdpAddress address, in UdpAddress local, ulong sequence)
    {
        IsOnChannel = false;
        LastSequence = sequence;
        Local = local;
        lock (_gate)
        {
            Address = address;
            foreach (Attestation attestation in _attestations)
                attestation.Tell(now, this);
        }
    }

    /// <summary>Data came from the bound address, or on the channel.</summary>
    public void Heard(bool onChannel) => IsOnChannel = onChannel;

    /// <summary>The end beside this one is told this one's address from now on, as long as the pair lives. From any thread.</summary>
    public void Attest(Instant now, RelayPair pair)
    {
        lock (_gate)
        {
            Attestation? attestation = _attestations.Find(a => a.Pair == pair);
            if (attestation is null)
                _attestations.Add(attestation = new Attestation(pair));
            if (!Address.IsNone)
                attestation.Tell(now, this);
        }
    }

    /// <summary>The pair has ended. From any thread.</summary>
    public void Forget(RelayPair pair)
    {
        lock (_gate)
            _attestations.RemoveAll(a => a.Pair == pair);
    }

    /// <summary>That an end of a pair agreed to be told of, and what the other end knows.</summary>
    private sealed class Attestation(RelayPair pair)
    {
        private UdpAddress _told;
        private Instant _next;

        public RelayPair Pair { get; } = pair;

        // Who binds here and there in turn must not fill the other's channel: what is left out now, a later BIND brings.
        public void Tell(Instant now, RelayBinding end)
        {
            if (_told == end.Address || now < _next)
                return;
            _told = end.Address;
            _next = now + ServerLimits.AttestedInterval;
            (RelayBinding other, ulong handle) = Pair.Beside(end);
            other.Channel.TrySend(new Attested(handle, end.Address));
        }
    }
}
