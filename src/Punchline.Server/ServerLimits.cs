namespace Punchline.Server;

/// <summary>Every bound of the server, with its reason. Those that a site may change are defaults of <see cref="PunchlineServerOptions"/>.</summary>
internal static class ServerLimits
{
    /// <summary>Control channels in all: some 20 kB each, so 400 MB at the most.</summary>
    public const int Channels = 20_000;

    /// <summary>A school or a carrier NAT behind one address, but not a botnet of one.</summary>
    public const int ChannelsPerAddress = 128;

    /// <summary>New channels in a second from one address: each costs an upgrade and perhaps an ECDSA verification (100 µs).</summary>
    public const double NewChannelsPerSecond = 10;

    /// <summary>How many of these at once: a household whose router comes back.</summary>
    public const double NewChannelsBurstFactor = 8;

    /// <summary>Clients of one host at once: InviteStore.MaxFriends.</summary>
    public const int PairsPerHost = 256;

    /// <summary>Pairs of one host under one invite: what the host's own door takes (Door.MaxConnectionsPerInvite).</summary>
    public const int PairsPerInvite = 8;

    /// <summary>Names under which one host id may be registered: an address for each family, two DNS names.</summary>
    public const int NamesPerHost = 4;

    /// <summary>Control messages of one channel in a second: a host that publishes nonces and invites needs one now and then.</summary>
    public const double MessagesPerSecond = 5;

    /// <summary>And at once.</summary>
    public const double MessagesBurst = 20;

    /// <summary>Messages that a peer has not taken yet; whoever falls behind is cut off.</summary>
    public const int QueuedMessages = 512;

    /// <summary>From the upgrade to the first REGISTER or OPEN that succeeds: a peer sends it at once, so this is for a slow link alone. A client whose host is away comes back.</summary>
    public static readonly TimeSpan FirstMessage = TimeSpan.FromSeconds(10);

    /// <summary>Without any sign of life a channel ends: four of the peer's pings.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(60);

    /// <summary>How often channels and address counters are looked through.</summary>
    public static readonly TimeSpan Sweep = TimeSpan.FromSeconds(5);

    /// <summary>How long a leaving channel may take for its last messages, and again for the peer's answer to the close. Then it is cut off.</summary>
    public static readonly TimeSpan Farewell = TimeSpan.FromSeconds(2);

    /// <summary>TCP connections of one address beyond its channels: health checks, and channels that are on their way up or down.</summary>
    public const int PendingConnectionsPerAddress = 16;

    /// <summary>New TCP connections of one address for each new channel that it may have: so that a reason can be given to whoever has too many channels.</summary>
    public const double ConnectionsPerChannel = 2;

    /// <summary>A pair's bytes at once: some ten handshakes with their repetitions and MTU probes; application data soon runs dry.</summary>
    public const double PairBytesBurst = 256 * 1024;

    /// <summary>And what comes back in a second: keep-alives and the coordination of punching (a standing pair needs under 2 kB a minute).</summary>
    public const double PairBytesPerSecond = 512;

    /// <summary>A pair's datagrams at once: two flights of either side.</summary>
    public const double PairDatagramsBurst = 64;

    /// <summary>And in a second.</summary>
    public const double PairDatagramsPerSecond = 50;

    /// <summary>
    /// For so many channels that one client address may have, all its pairs together may spend what one pair may: eight times as much by
    /// default. Several players behind one NAT, but no relay for free by ever new hosts and invites.
    /// </summary>
    public const int ChannelsPerPairBudget = 16;

    /// <summary>Data at once beyond a quarter of a second of its rate: a congestion window of the ends, and what came of a web page.</summary>
    public const double RelayBurst = 256 * 1024;

    /// <summary>See <see cref="RelayBurst"/>.</summary>
    public static readonly TimeSpan RelayBurstTime = TimeSpan.FromMilliseconds(250);

    /// <summary>How long a quota is for.</summary>
    public static readonly TimeSpan QuotaTime = TimeSpan.FromHours(24);

    /// <summary>Who goes on sending when a quota is used up is told again after so long: a peer believes it for an hour, and what it sent then would be dropped without a word.</summary>
    public static readonly TimeSpan LimitRepeat = TimeSpan.FromMinutes(30);

    /// <summary>As so many bytes a smaller datagram counts: each costs the server about the same work.</summary>
    public const int LeastDatagramCost = 200;

    /// <summary>DATA frames from all channels that wait for the UDP loop, 1.5 MB: 25 ms of 50 MB/s.</summary>
    public const int InboxFrames = 1024;

    /// <summary>And of one channel: what TCP brings at once.</summary>
    public const int InboxFramesPerChannel = 128;

    /// <summary>Bytes of DATA frames that wait for one channel to take them: with TCP's own buffers some 150 ms at the usual rate of a pair, and one full UDP batch.</summary>
    public const int QueuedFrameBytes = 64 * 1024;

    /// <summary>What TCP may hold of a channel beyond what the network has in flight: more would only be delay in front of the next message.</summary>
    public const int UnsentBytes = 16 * 1024;

    /// <summary>How often one end of a pair is told another address of the other: as often as a NAT may rebind, and no flood.</summary>
    public static readonly TimeSpan AttestedInterval = TimeSpan.FromSeconds(1);

    /// <summary>Peers that come back in a second after the server has said that it goes: each costs an upgrade and a signature.</summary>
    public const int ComebacksPerSecond = 500;

    /// <summary>After this an unused budget is full again, and forgetting it changes nothing.</summary>
    public static readonly TimeSpan BudgetRefill = TimeSpan.FromSeconds(PairBytesBurst / PairBytesPerSecond);

    /// <summary>Budgets that are kept, of each kind: some 40 MB, and three times the channels.</summary>
    public const int RememberedBudgets = 65_536;

    /// <summary>How often a connection has the certificate's files looked at: renewals come every some weeks, days before they are needed.</summary>
    public static readonly TimeSpan CertificateLook = TimeSpan.FromSeconds(60);

    /// <summary>For the TLS handshake of a control channel.</summary>
    public static readonly TimeSpan TlsHandshake = TimeSpan.FromSeconds(10);

    /// <summary>STUN answers in a second for the whole server: each is about as large as its request, so this bounds work, not amplification.</summary>
    public const double StunPerSecond = 20_000;

    /// <summary>How long a cookie's key is the current one; it is taken for as long again.</summary>
    public static readonly TimeSpan CookieEpoch = TimeSpan.FromSeconds(60);

    /// <summary>TCP connections that have not become a control channel yet, beyond <see cref="PunchlineServerOptions.MaxChannels"/>.</summary>
    public const int PendingConnections = 1000;

    /// <summary>Answers promised for later to one IPv4 address or IPv6 /56: some peers behind one NAT, each of which tries one lifetime at a time.</summary>
    public const int PromisesPerAddress = 32;

    /// <summary>And in all: some 3 MB.</summary>
    public const int Promises = 16_384;

    /// <summary>How often another port is tried when any free one will do and TCP or UDP has it already.</summary>
    public const int PortAttempts = 16;
}
