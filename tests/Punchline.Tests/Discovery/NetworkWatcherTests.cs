using System.Net.NetworkInformation;
using Punchline.Discovery;
using Punchline.Tests.Udp;
using Xunit;

namespace Punchline.Tests.Discovery;

/// <summary>A change is what is different, however often the system says that something happened.</summary>
public sealed class NetworkWatcherTests
{
    private LocalNetwork _network = Network("192.168.1.5");

    [Fact]
    public void Only_a_difference_is_a_change()
    {
        var told = new List<LocalNetwork>();
        using var watcher = new NetworkWatcher(() => _network);
        watcher.Changed += told.Add;
        watcher.Check();
        _network = Network("192.168.1.5");
        watcher.Check();
        Assert.Empty(told);

        _network = Network("10.0.0.5");
        watcher.Check();
        watcher.Check();
        Assert.Equal([_network], told);
        Assert.Same(_network, watcher.Current);
    }

    [Fact]
    public void A_device_that_vanishes_while_it_is_read_is_waited_for()
    {
        bool fails = false;
        using var watcher = new NetworkWatcher(() => fails ? throw new NetworkInformationException() : _network);
        int told = 0;
        watcher.Changed += _ => told++;
        fails = true;
        _network = Network("10.0.0.5");
        watcher.Check();
        Assert.Equal(0, told);
        fails = false;
        watcher.Check();
        Assert.Equal(1, told);
    }

    [Fact]
    public void After_the_end_nothing_is_told()
    {
        int told = 0;
        var watcher = new NetworkWatcher(() => _network);
        watcher.Changed += _ => told++;
        watcher.Dispose();
        _network = Network("10.0.0.5");
        watcher.Check();
        Assert.Equal(0, told);
    }

    [Fact]
    public void The_systems_notices_can_be_followed()
    {
        using var watcher = new NetworkWatcher(allowsLoopback: true);
        Assert.True(watcher.Current.IsOwn(UdpTestPlatforms.Loopback4));
        Assert.True(watcher.Current.AllowsLoopback);
    }

    private static LocalNetwork Network(string address) => new(
        [new InterfaceAddress(UdpTestPlatforms.Address(address), 24, "eth0", InterfaceKind.Physical)], allowsLoopback: false);
}
