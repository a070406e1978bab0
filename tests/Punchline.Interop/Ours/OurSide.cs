using Punchline.Interop.Link;
using Punchline.Quic;
using Punchline.Testing;

namespace Punchline.Interop.Ours;

/// <summary>Our options for peers that are plain QUIC: no <c>punch</c>, no silence, a door that is open.</summary>
internal static class OurSide
{
    /// <summary>Nothing that is tested is silent for so long, but for the idle timeout itself.</summary>
    private static readonly TimeSpan UsualIdleTimeout = TimeSpan.FromSeconds(30);

    public static QuicTransportOptions Plain(string protocol, TimeSpan? idleTimeout = null, bool askForCertificate = false, int tickets = 0) => new()
    {
        ApplicationProtocol = protocol,
        IdleTimeout = idleTimeout ?? UsualIdleTimeout,
        KeepAlive = TimeSpan.Zero,
        Punch = false,
        RequireClientCertificate = askForCertificate,
        SilentToStrangers = false,
        TicketsPerConnection = tickets,
        EarlyData = tickets == 0, // ours takes 0-RTT on one stream alone, which plain QUIC cannot know
    };

    /// <summary>A server of ours, for anybody.</summary>
    public static UdpRunner Serve(IRunnerApplication application, QuicTransportOptions transport, IAdmission? admission = null) =>
        new(application, transport, admission ?? new AcceptAll());
}
