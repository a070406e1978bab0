using Punchline.Invites;
using Punchline.Quic;
using Punchline.Server.Control;
using Punchline.Server.Relay;

namespace Punchline.Server.Directory;

/// <summary>Who is registered: a host id, under the name by which the host dialled this server.</summary>
internal readonly record struct HostKey(string HostId, string Name);

/// <summary>A host that is there. Everything but the binding belongs to the directory's lock.</summary>
internal sealed class Registration(HostKey key, ControlSession session, RelayBinding binding)
{
    public HostKey Key { get; } = key;

    public ControlSession Session { get; } = session;

    public RelayBinding Binding { get; } = binding;

    public ulong DoorNonce { get; set; }

    /// <summary>Relay keys by invite.</summary>
    public Dictionary<InviteId, byte[]> Invites { get; set; } = [];

    /// <summary>What the host says to holders of ended invites, by invite: passed on unread.</summary>
    public Dictionary<InviteId, byte[]> Ended { get; set; } = [];

    public HashSet<PairEntry> Pairs { get; } = [];
}

/// <summary>A pair as the directory knows it.</summary>
internal sealed record PairEntry(Registration Host, ControlSession Client, BudgetKey Budget, RelayPair Relay)
{
    public InviteId InviteId => Budget.InviteId;
}

/// <summary>Whose budget a pair spends: a client's address, with one host under one invite. A host that registers anew is the same one.</summary>
internal readonly record struct BudgetKey(HostKey Host, InviteId InviteId, UdpAddress Client);
