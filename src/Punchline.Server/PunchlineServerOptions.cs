using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Punchline.Invites;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.Server;

/// <summary>How a server runs. Each command-line option and PUNCHLINE_… variable ends here (docs/operate.md).</summary>
public sealed class PunchlineServerOptions
{
    /// <summary>As many <see cref="AdvertisedAddresses"/> as SERVER_HELLO holds (docs/wire/control.md).</summary>
    public const int MaxAdvertisedAddresses = ControlCodec.MaxAddresses;

    /// <summary>The address to listen at; null: all, IPv4 and IPv6.</summary>
    public IPAddress? Address { get; init; }

    /// <summary>The port, TCP and UDP alike; 0: any that is free for both.</summary>
    public int Port { get; init; } = ServerAddress.DefaultPort;

    /// <summary>Also answer STUN at the next UDP port, so that a client can tell one mapping for all from one for each.</summary>
    public bool AlternateStun { get; init; } = true;

    /// <summary>Where that second STUN port is instead; null: at the next port of the same address. Clients look for it at this port of the server's name.</summary>
    public IPEndPoint? AlternateStunAt { get; init; }

    /// <summary>Serves the control channel with TLS too, as "wss://name": by this certificate. Null: a web server in front does, or nobody.</summary>
    public ServerCertificate? Certificate { get; init; }

    /// <summary>The TCP port of TLS, at <see cref="Address"/>; 0: any free one.</summary>
    public int TlsPort { get; init; } = ServerAddress.TlsPort;

    /// <summary>Where /metrics and /healthz are served to the administrator; null: nowhere.</summary>
    public IPEndPoint? Admin { get; init; }

    /// <summary>What a host must prove to register; null or empty: any host may.</summary>
    public string? HostPassword { get; init; }

    /// <summary>The only host ids (64 hexadecimal digits) that may register; null: any.</summary>
    public IReadOnlyCollection<string>? AllowedHosts { get; init; }

    /// <summary>The names that peers may dial, with port ("punch.example:3478"); empty: any name, each with a directory of its own.</summary>
    public IReadOnlyCollection<string> Names { get; init; } = [];

    /// <summary>The addresses at which peers find the UDP port (behind 1:1 NAT, or with a web server in front); at most <see cref="MaxAdvertisedAddresses"/>. Empty: those of the name.</summary>
    public IReadOnlyList<IPAddress> AdvertisedAddresses { get; init; } = [];

    /// <summary>Web servers in front of this one, whose X-Forwarded-For is believed.</summary>
    public IReadOnlyCollection<IPAddress> TrustedProxies { get; init; } = [];

    /// <summary>Control channels at once from one IPv4 address or IPv6 /56.</summary>
    public int MaxChannelsPerAddress { get; init; } = ServerLimits.ChannelsPerAddress;

    /// <summary>New control channels in a second from one IPv4 address or IPv6 /56; eight times as many at once.</summary>
    public double NewChannelsPerSecond { get; init; } = ServerLimits.NewChannelsPerSecond;

    /// <summary>Control channels in all.</summary>
    public int MaxChannels { get; init; } = ServerLimits.Channels;

    /// <summary>Clients at once of one host.</summary>
    public int MaxPairsPerHost { get; init; } = ServerLimits.PairsPerHost;

    /// <summary>How much application data is relayed for those that find no direct path; null: none, handshakes alone.</summary>
    public RelayTerms? Relay { get; init; } = RelayTerms.Limited;

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Where nonces, handles and keys come from.</summary>
    public IRandomness Randomness { get; init; } = SystemRandomness.Instance;

    /// <summary>Where the log goes; by default nowhere.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>This program's version, as peers and /healthz are told.</summary>
    public string ProgramVersion { get; init; } = "0";

    /// <summary>The UDP sockets; null: what the machine does best.</summary>
    internal UdpPlatform? UdpPlatform { get; init; }
}
