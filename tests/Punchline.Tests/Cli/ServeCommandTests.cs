using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Punchline.Cli;
using Punchline.Server;
using Xunit;

namespace Punchline.Tests.Cli;

/// <summary>What <c>serve</c> is told, by options and by variables, and what the server gets of it.</summary>
public sealed class ServeCommandTests : IDisposable
{
    private static readonly string HostId = new('a', 64);
    private static readonly string OtherId = string.Concat(Enumerable.Repeat("0F", 32));

    private readonly CliFixture _cli = new();

    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public void Dispose()
    {
        _cli.Dispose();
        _key.Dispose();
    }

    [Fact]
    public async Task Without_a_word_the_servers_own_defaults_hold()
    {
        var usual = new PunchlineServerOptions();
        var options = await Serve();
        Assert.Equal((null, 3478, true, null, null), (options.Address, options.Port, options.AlternateStun, options.AlternateStunAt, options.Admin));
        Assert.Equal((null, null), (options.HostPassword, options.AllowedHosts));
        Assert.Empty(options.Names);
        Assert.Empty(options.AdvertisedAddresses);
        Assert.Empty(options.TrustedProxies);
        Assert.Equal(
            (usual.MaxChannels, usual.MaxChannelsPerAddress, usual.MaxPairsPerHost),
            (options.MaxChannels, options.MaxChannelsPerAddress, options.MaxPairsPerHost));
        Assert.Equal(RelayTerms.Limited, options.Relay);
        Assert.Equal((null, 443), (options.Certificate, options.TlsPort));
        Assert.Equal(CommandLine.Version, options.ProgramVersion);
    }

    [Fact]
    public async Task Each_option_arrives() => AssertAll(await Serve(
        "--listen", "[::1]:1", "--stun-alt", "[::1]:9", "--admin", "127.0.0.1:3",
        "--host-password-file", _cli.FileWith("password", "hunter2\r\n"), "--allow-hosts", HostList(),
        "--name", "Punch.Example", "--name", "[2001:DB8::1]:443",
        "--advertise", "198.51.100.7", "--advertise", "2001:db8::7", "--trusted-proxy", "::ffff:127.0.0.1", "--trusted-proxy", "::1",
        "--max-channels", "4", "--max-channels-per-address", "5", "--max-pairs-per-host", "6",
        "--relay", "On", "--relay-rate", "8mbit", "--relay-host-rate", "1.5GB/s", "--relay-total-rate", "no",
        "--relay-quota", "1GiB", "--relay-host-quota", "NO", "--relay-total-quota", "2.5 TB",
        "--tls-certificate", Certificate(), "--tls-key", Key(), "--tls-port", "444"));

    [Fact]
    public async Task Each_variable_arrives()
    {
        foreach (var (name, value) in new[]
        {
            ("LISTEN", "[::1]:1"), ("STUN_ALT", "[::1]:9"), ("ADMIN", "127.0.0.1:3"),
            ("HOST_PASSWORD_FILE", _cli.FileWith("password", "hunter2")), ("ALLOW_HOSTS", HostList()),
            ("NAME", "punch.example:3478,[2001:db8::1]:443"), ("ADVERTISE", "198.51.100.7, 2001:db8::7"), ("TRUSTED_PROXY", "127.0.0.1,::1"),
            ("MAX_CHANNELS", "4"), ("MAX_CHANNELS_PER_ADDRESS", "5"), ("MAX_PAIRS_PER_HOST", "6"),
            ("RELAY", "on"), ("RELAY_RATE", "8000kbit"), ("RELAY_HOST_RATE", "12gbit"), ("RELAY_QUOTA", "1048576KiB"), ("RELAY_TOTAL_QUOTA", "2500GB"),
            ("TLS_CERTIFICATE", Certificate()), ("TLS_KEY", Key()), ("TLS_PORT", "444"),
        })
            _cli.Variables["PUNCHLINE_" + name] = value;
        AssertAll(await Serve());
        Assert.Equal(7, (await Serve("--max-channels", "7")).MaxChannels);
    }

    [Theory]
    [InlineData("no")]
    [InlineData("NO")]
    public async Task The_second_stun_port_can_be_left_out(string no)
    {
        var options = await Serve("--stun-alt", no);
        Assert.Equal((false, null), (options.AlternateStun, options.AlternateStunAt));
    }

    [Theory]
    [InlineData("--stun-alt", "yes", "nor 'no'")]
    [InlineData("--stun-alt", "3479", "nor 'no'")]
    [InlineData("--name", "punch.example:0", "NAME:PORT")]
    [InlineData("--name", "wss://punch.example", "NAME:PORT")]
    [InlineData("--advertise", "punch.example", "IP address")]
    [InlineData("--advertise", "7", "IP address")]
    [InlineData("--trusted-proxy", "127.0.0.1:80", "IP address")]
    [InlineData("--max-channels", "0", "from 1")]
    [InlineData("--max-channels-per-address", "-1", "from 1")]
    [InlineData("--max-pairs-per-host", "4294967297", "from 1")]
    [InlineData("--relay", "yes", "limited")]
    [InlineData("--relay-rate", "8", "8mbit")]
    [InlineData("--relay-rate", "mbit", "8mbit")]
    [InlineData("--relay-rate", "1.2.3mbit", "8mbit")]
    [InlineData("--relay-rate", "7kbit", "8kbit")]
    [InlineData("--relay-host-rate", "-1mbit", "8mbit")]
    [InlineData("--relay-total-rate", "9999999TB", "8mbit")]
    [InlineData("--relay-quota", "10gbit", "10GB")]
    [InlineData("--relay-host-quota", "1GB/s", "10GB")]
    [InlineData("--relay-total-quota", "GB", "10GB")]
    [InlineData("--tls-port", "0", "from 1")]
    public async Task A_wrong_value_is_said_in_one_line(string option, string value, string expected)
    {
        Assert.Equal(ExitCode.Usage, await _cli.RunAsync("serve", $"{option}={value}"));
        var line = Assert.Single(_cli.Error.TrimEnd().Split('\n'));
        Assert.StartsWith($"punchline: {option}: '{value}'", line, StringComparison.Ordinal);
        Assert.Contains(expected, line, StringComparison.Ordinal);
        Assert.Null(_cli.Roles.Options);
    }

    [Fact]
    public async Task More_addresses_than_peers_can_be_told_are_a_mistake()
    {
        _cli.Variables["PUNCHLINE_ADVERTISE"] = "192.0.2.1,192.0.2.2,192.0.2.3,192.0.2.4,192.0.2.5";
        Assert.Equal(ExitCode.Usage, await _cli.RunAsync("serve"));
        Assert.Contains("4 at most", _cli.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("2mbit", null, 250_000L, 500_000L, 12_500_000L, 10_000_000_000L, 20_000_000_000L)]
    [InlineData(null, "1TB", 1_000_000L, 2_000_000L, 50_000_000L, 1_000_000_000_000L, 2_000_000_000_000L)]
    [InlineData("no", "no", null, null, null, null, null)]
    public async Task Of_a_limited_relay_host_and_server_have_multiples_of_a_pair(string? rate, string? quota, object? pair, object? host, object? total, object? pairDay, object? hostDay)
    {
        string[] said = [.. rate is null ? (string[])[] : ["--relay-rate", rate], .. quota is null ? (string[])[] : ["--relay-quota", quota]];
        var terms = (await Serve(said)).Relay!;
        Assert.Equal((pair, pairDay), ((object?)terms.Pair.BytesPerSecond, (object?)terms.Pair.BytesPerDay));
        Assert.Equal((host, hostDay), ((object?)terms.Host.BytesPerSecond, (object?)terms.Host.BytesPerDay));
        Assert.Equal((total, null), ((object?)terms.Total.BytesPerSecond, (object?)terms.Total.BytesPerDay));
    }

    [Fact]
    public async Task Without_a_relay_nothing_is_bounded_and_with_one_that_is_on_only_what_is_said()
    {
        Assert.Null((await Serve("--relay", "off")).Relay);
        Assert.Equal(RelayTerms.Unlimited, (await Serve("--relay", "on")).Relay);
        Assert.Equal(new RelayTerms { Pair = new RelayBound(1_000_000, null) }, (await Serve("--relay", "on", "--relay-rate", "1MB")).Relay);
        Assert.Equal(ExitCode.Usage, await _cli.RunAsync("serve", "--relay", "off", "--relay-host-quota", "1GB"));
        Assert.Contains("--relay-host-quota: nothing is relayed", _cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_that_is_none_is_said()
    {
        var path = _cli.FileWith("certificate", "none");
        Assert.Equal(ExitCode.State, await _cli.RunAsync("serve", "--tls-certificate", path));
        Assert.Contains(path, Assert.Single(_cli.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
        Assert.Equal(ExitCode.State, await _cli.RunAsync("serve", "--tls-certificate", path + "-not-there"));
        Assert.Equal(ExitCode.Usage, await _cli.RunAsync("serve", "--tls-key", path));
        Assert.Null(_cli.Roles.Options);
    }

    [Theory]
    [InlineData("# nobody\n\n", "holds no host id")]
    [InlineData("\n0123\n", "line 2")]
    [InlineData("zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", "line 1")]
    public async Task A_list_that_is_none_is_said(string text, string expected)
    {
        var path = _cli.FileWith("hosts", text);
        Assert.Equal(ExitCode.State, await _cli.RunAsync("serve", "--allow-hosts", path));
        var line = Assert.Single(_cli.Error.TrimEnd().Split('\n'));
        Assert.Contains(path, line, StringComparison.Ordinal);
        Assert.Contains(expected, line, StringComparison.Ordinal);
    }

    private async Task<PunchlineServerOptions> Serve(params string[] arguments)
    {
        Assert.Equal(ExitCode.Success, await _cli.RunAsync(["serve", .. arguments]));
        return Assert.IsType<PunchlineServerOptions>(_cli.Roles.Options);
    }

    private string Certificate()
    {
        var request = new CertificateRequest("CN=punch.example", _key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(150));
        return _cli.FileWith("certificate", certificate.ExportCertificatePem());
    }

    private string Key() => _cli.FileWith("key", _key.ExportPkcs8PrivateKeyPem());

    private string HostList() => _cli.FileWith("hosts", $"\uFEFF# friends\r\n\r\n{HostId}\r\n  {OtherId} # the other\n");

    private static void AssertAll(PunchlineServerOptions options)
    {
        Assert.Equal((IPAddress.IPv6Loopback, 1), (options.Address, options.Port));
        Assert.Equal((true, new IPEndPoint(IPAddress.IPv6Loopback, 9)), (options.AlternateStun, options.AlternateStunAt));
        Assert.Equal(new IPEndPoint(IPAddress.Loopback, 3), options.Admin);
        Assert.Equal("hunter2", options.HostPassword);
        Assert.Equal([HostId, OtherId], options.AllowedHosts!);
        Assert.Equal(["punch.example:3478", "[2001:db8::1]:443"], options.Names);
        Assert.Equal([IPAddress.Parse("198.51.100.7"), IPAddress.Parse("2001:db8::7")], options.AdvertisedAddresses);
        Assert.Equal([IPAddress.Loopback, IPAddress.IPv6Loopback], options.TrustedProxies);
        Assert.Equal((true, 444), (options.Certificate is not null, options.TlsPort));
        Assert.Equal(new RelayTerms
        {
            Pair = new RelayBound(1_000_000, 1L << 30), Host = new RelayBound(1_500_000_000, null), Total = new RelayBound(null, 2_500_000_000_000),
        }, options.Relay);
        Assert.Equal((4, 5, 6), (options.MaxChannels, options.MaxChannelsPerAddress, options.MaxPairsPerHost));
    }
}
