namespace Punchline.Traversal;

/// <summary>The bounds of meeting hard NATs, each with its reason (docs/wire/punch.md section 7).</summary>
internal static class TraversalLimits
{
    /// <summary>
    /// Ports that a side foretells: room for flows of others between the question to the server and the attempt, and few enough for
    /// a peer that would have us look around.
    /// </summary>
    public const int ForetoldPorts = 10;

    /// <summary>Mappings that the opening side of the birthday method makes: with <see cref="SprayedPorts"/> they meet in 98 of 100 attempts.</summary>
    public const int OpenedSockets = 256;

    /// <summary>Ports that the other side tries. Home routers have broken down under 5,000 flows; with this they have 1,100 at most.</summary>
    public const int SprayedPorts = 1_024;

    /// <summary>Probes that leave at once.</summary>
    public const int Burst = 4;

    /// <summary>Hops of a packet that shall open our own router and die before the peer's: it passes one router.</summary>
    public const byte OpeningTimeToLive = 2;

    /// <summary>Attempts of a connection on one network: what has failed so often will go on failing, and flows are not ours alone.</summary>
    public const int MaxAttempts = 6;

    /// <summary>Between bursts: 200 probes a second, 160 kbit/s with all headers.</summary>
    public static readonly TimeSpan BurstInterval = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// From the end of one birthday attempt of this process to the start of the next: by then NATs have dropped the flows of the last one, which
    /// had one packet each (30 s in Linux).
    /// </summary>
    public static readonly TimeSpan SprayPause = TimeSpan.FromSeconds(35);

    /// <summary>Between two attempts of a connection: as between rounds of probing.</summary>
    public static readonly TimeSpan AttemptPause = TimeSpan.FromSeconds(5);

    /// <summary>A peer that has no time for us is asked again after <see cref="AttemptPause"/>, then after twice as long each time, and at most this.</summary>
    public static readonly TimeSpan LongestLaterPause = TimeSpan.FromSeconds(60);

    /// <summary>How long plain probing goes first where it may work: by then seven of nine probes of its first round have left.</summary>
    public static readonly TimeSpan PlainPatience = TimeSpan.FromSeconds(2);

    /// <summary>
    /// How long candidates have at the start, and after each loss of the direct path, to be told and probed once: each makes a flow, and a NAT that
    /// counts would count these among the foretold ones.
    /// </summary>
    public static readonly TimeSpan Settling = TimeSpan.FromMilliseconds(500);

    /// <summary>For the peer's answer, for its start, and for the server's word on our mapping.</summary>
    public static readonly TimeSpan AnswerPatience = TimeSpan.FromSeconds(5);

    /// <summary>What is on its way when the last probe has left has this long to arrive, beside two round trips.</summary>
    public static readonly TimeSpan Aftermath = TimeSpan.FromSeconds(1);
}
