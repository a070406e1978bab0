using Punchline.Quic;
using Punchline.Traversal;
using Xunit;

namespace Punchline.Tests.Traversal;

/// <summary>Birthday attempts of a process, however many friends ask for one.</summary>
public sealed class SprayGateTests
{
    private static readonly Instant Start = Instant.Zero + TimeSpan.FromMinutes(1);

    [Fact]
    public void One_attempt_at_a_time_and_the_next_when_its_flows_are_gone()
    {
        var gate = new SprayGate(isAllowed: true);
        object first = new();
        object second = new();
        Assert.True(gate.TryEnter(first, Start));
        Assert.False(gate.TryEnter(second, Start + TimeSpan.FromMinutes(2)));
        gate.Leave(second, Start, sprayed: true);
        Assert.False(gate.TryEnter(second, Start + TimeSpan.FromMinutes(2)));
        Instant end = Start + TimeSpan.FromSeconds(8);
        gate.Leave(first, end, sprayed: true);
        Assert.Equal(end + TraversalLimits.SprayPause, gate.FreeAt);
        Assert.False(gate.TryEnter(second, gate.FreeAt - TimeSpan.FromTicks(1)));
        Assert.True(gate.TryEnter(second, gate.FreeAt));
    }

    [Fact]
    public void One_that_never_began_costs_no_pause()
    {
        var gate = new SprayGate(isAllowed: true);
        object first = new();
        Assert.True(gate.TryEnter(first, Start));
        gate.Leave(first, Start, sprayed: false);
        Assert.True(gate.TryEnter(new object(), Start));
    }

    [Fact]
    public void Switched_off_it_lets_nobody_in()
    {
        var gate = new SprayGate(isAllowed: false);
        Assert.False(gate.IsAllowed);
        Assert.False(gate.TryEnter(new object(), Start));
    }
}
