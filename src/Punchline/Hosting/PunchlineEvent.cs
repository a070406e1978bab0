using System.Net;
using Punchline.Quic;

namespace Punchline;

/// <summary>
/// Something that happened to a host, a client or a server, delivered in order to the <see cref="IProgress{T}"/> that
/// it was given. A receiver returns soon and throws nothing: it runs on the reporter's thread.
/// </summary>
/// <param name="Time">When.</param>
public abstract record PunchlineEvent(DateTimeOffset Time);

/// <summary>A server answers at this address.</summary>
/// <param name="Time">When.</param>
/// <param name="Listen">The address, UDP and TCP.</param>
public sealed record ServerReady(DateTimeOffset Time, IPEndPoint Listen) : PunchlineEvent(Time);

/// <summary>A host is registered at its server: friends can come.</summary>
/// <param name="Time">When.</param>
/// <param name="Server">The server, as the options name it.</param>
public sealed record HostReady(DateTimeOffset Time, string Server) : PunchlineEvent(Time);

/// <summary>The invite to give to friends.</summary>
/// <param name="Time">When.</param>
/// <param name="Invite">Its text, one word.</param>
public sealed record InviteCreated(DateTimeOffset Time, string Invite) : PunchlineEvent(Time);

/// <summary>A client listens for a service.</summary>
/// <param name="Time">When.</param>
/// <param name="Service">The service's name.</param>
/// <param name="Protocol">tcp or udp.</param>
/// <param name="Address">Where.</param>
/// <param name="IsKnown">False as long as no host has told its services: then name and protocol are a guess, and what connects waits.</param>
public sealed record Listening(DateTimeOffset Time, string Service, ServiceProtocol Protocol, IPEndPoint Address, bool IsKnown) : PunchlineEvent(Time);

/// <summary>A peer is verified and connected.</summary>
/// <param name="Time">When.</param>
/// <param name="Peer">Its id, shortened for people.</param>
public sealed record PeerJoined(DateTimeOffset Time, string Peer) : PunchlineEvent(Time);

/// <summary>A peer is gone.</summary>
/// <param name="Time">When.</param>
/// <param name="Peer">Its id, shortened for people.</param>
/// <param name="Reason">Why, in a few words.</param>
public sealed record PeerLeft(DateTimeOffset Time, string Peer, string Reason) : PunchlineEvent(Time);

/// <summary>Data to and from a peer takes another path now.</summary>
/// <param name="Time">When.</param>
/// <param name="Peer">Its id, shortened for people.</param>
/// <param name="Kind">Direct or not.</param>
/// <param name="Remote">The far end's address, or the server's.</param>
/// <param name="RoundTripTime">Smoothed.</param>
public sealed record PathChanged(DateTimeOffset Time, string Peer, PathKind Kind, IPEndPoint Remote, TimeSpan RoundTripTime) : PunchlineEvent(Time);

/// <summary>Why a connection stays on a server's path, for programs.</summary>
public enum RelayCause
{
    /// <summary>Too little is known.</summary>
    Unknown,

    /// <summary>One side was told to.</summary>
    RelayOnly,

    /// <summary>UDP is blocked on one side.</summary>
    NoUdp,

    /// <summary>One side's NAT maps by the peer's address, and the other's filters by it.</summary>
    HardNat,

    /// <summary>Both sides' NATs map by the peer's address.</summary>
    HardNats,

    /// <summary>The NATs would let it through, so something else does not.</summary>
    Firewall,

    /// <summary>Both sides are behind one NAT, and it does not hairpin.</summary>
    SharedNat,
}

/// <summary>Data to and from a peer has gone through a server for some seconds now. The search for a direct path goes on where there can be one.</summary>
/// <param name="Time">When.</param>
/// <param name="Peer">Its id, shortened for people.</param>
/// <param name="Cause">Why, for programs.</param>
/// <param name="Because">Why: the end of "relayed, because …".</param>
/// <param name="Advice">What would help most: the end of "to go direct: …".</param>
/// <param name="BytesPerSecond">What the server forwards for the pair, both ways together; 0 if it names no limit.</param>
public sealed record StaysRelayed(DateTimeOffset Time, string Peer, RelayCause Cause, string Because, string Advice, long BytesPerSecond) : PunchlineEvent(Time);

/// <summary>What a client or a doctor is doing.</summary>
public enum ProgressStage
{
    /// <summary>A doctor examines this network.</summary>
    Examining,

    /// <summary>Looking for the server.</summary>
    ReachingServer,

    /// <summary>The server knows the host; the handshake goes through it.</summary>
    ReachingHost,

    /// <summary>The host is verified; both sides look for a direct path.</summary>
    Punching,

    /// <summary>Data flows.</summary>
    Connected,
}

/// <summary>A client or a doctor has come this far.</summary>
/// <param name="Time">When.</param>
/// <param name="Stage">How far.</param>
/// <param name="Detail">With whom or where, in a few words; may be empty.</param>
public sealed record Progress(DateTimeOffset Time, ProgressStage Stage, string Detail) : PunchlineEvent(Time);

/// <summary>Something is wrong but it goes on, trying again where that helps.</summary>
/// <param name="Time">When.</param>
/// <param name="Code">What, for programs.</param>
/// <param name="Message">What happened, to which address, and what to try: one line.</param>
public sealed record Problem(DateTimeOffset Time, ProblemCode Code, string Message) : PunchlineEvent(Time);

/// <summary>Something that people should know and that is no problem (yet).</summary>
/// <param name="Time">When.</param>
/// <param name="Message">One line.</param>
public sealed record Notice(DateTimeOffset Time, string Message) : PunchlineEvent(Time);

/// <summary>A detail for whoever looks for a fault.</summary>
/// <param name="Time">When.</param>
/// <param name="Message">One line.</param>
public sealed record Detail(DateTimeOffset Time, string Message) : PunchlineEvent(Time);

/// <summary>Something was carried and measured.</summary>
/// <param name="Time">When.</param>
/// <param name="What">What it was, in a few words.</param>
/// <param name="Bytes">How much.</param>
/// <param name="Duration">How long it took.</param>
public sealed record Transferred(DateTimeOffset Time, string What, long Bytes, TimeSpan Duration) : PunchlineEvent(Time);
