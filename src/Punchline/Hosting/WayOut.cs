using Punchline.Stun;

namespace Punchline.Hosting;

/// <summary>What is known of this machine's way out of its network. Driver thread only.</summary>
internal sealed class WayOut
{
    /// <summary>There is something new to know.</summary>
    public event Action? Changed;

    /// <summary>What is known of the NATs on it.</summary>
    public NatReport Nat { get; private set; } = NatReport.From(default, []);

    /// <summary>Whether a server has answered over UDP in this network; null as long as that is open.</summary>
    public bool? UdpWorks { get; private set; }

    /// <summary>What was found out of our NATs.</summary>
    public void SetNat(in NatReport report)
    {
        Nat = report;
        Changed?.Invoke();
    }

    /// <summary>A server has answered over UDP, or has not in its time.</summary>
    public void SetUdp(bool works)
    {
        // One that answers proves more than another that does not.
        if (UdpWorks == works || UdpWorks == true)
            return;
        UdpWorks = works;
        Changed?.Invoke();
    }

    /// <summary>The network may be another one. Of its NATs the last word counts until there is a newer one.</summary>
    public void Forget() => UdpWorks = null;
}
