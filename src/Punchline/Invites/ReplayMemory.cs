using System.Runtime.InteropServices;
using Punchline.Quic;

namespace Punchline.Invites;

/// <summary>
/// The connection ids whose tokens were used up, by door nonce, with a quota for each invite so that one holder
/// neither fills the memory nor pushes another's ids out.
/// </summary>
internal sealed class ReplayMemory
{
    /// <summary>For one invite and nonce: one attempt a second all the time. Beyond it that invite waits for the next nonce.</summary>
    public const int MaxPerInviteAndNonce = 600;

    private readonly Dictionary<ulong, Generation> _generations = [];

    /// <summary>True if a token for this connection id was used before.</summary>
    public bool Contains(ulong nonce, in ConnectionId id) => _generations.TryGetValue(nonce, out Generation? g) && g.Seen.Contains(id);

    /// <summary>Remembers a connection id.</summary>
    /// <returns>False if it is there already, or the invite's quota is used up.</returns>
    public bool TryAdd(ulong nonce, InviteId invite, in ConnectionId id)
    {
        if (!_generations.TryGetValue(nonce, out Generation? generation))
            _generations[nonce] = generation = new Generation();
        ref int count = ref CollectionsMarshal.GetValueRefOrAddDefault(generation.Counts, invite, out _);
        if (count >= MaxPerInviteAndNonce || !generation.Seen.Add(id))
            return false;
        count++;
        return true;
    }

    /// <summary>Forgets everything under nonces that are no longer valid.</summary>
    public void Forget(DoorNonces nonces)
    {
        foreach (ulong nonce in _generations.Keys)
        {
            if (!nonces.IsValid(nonce))
                _generations.Remove(nonce);
        }
    }

    private sealed class Generation
    {
        public HashSet<ConnectionId> Seen { get; } = [];

        public Dictionary<InviteId, int> Counts { get; } = [];
    }
}
