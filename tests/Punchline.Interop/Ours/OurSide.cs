using Punchline.Interop.Link;
using Punchline.Quic;
using Punchline.Testing;

namespace Punchline.Interop.Ours;

/// <summary>Our options for peers that are plain QUIC: no <c>punch</c>, no silence, a door that is open.</summary>
internal static class OurSide
{
    /// <summary>Nothing that is tested is silent for so long, but for the idle timeout itself.</summary>
    private static readonly TimeSpan UsualIdleTimeout = TimeSpan.FromSeconds(30);

    public static QuicTransportOptions Plain(string protocol, TimeSpan? idleTimeout = null, bool askForCertificate = false) => new()
    {
        ApplicationProtocol = protocol,
        IdleTimeout = idleTimeout ?? UsualIdleTimeout,
        KeepAlive = TimeSpan.Zero,
        Punch = false,
        RequireClientCertificate = askForCertificate,
        SilentToStrangers = false,
    };

    /// <summary>A server of ours, for anybody.</summary>
    public static UdpRunner Serve(IRunnerApplication application, QuicTransportOptions transport, IAdmission? admission = null) =>
        new(application, transport, admission ?? new AcceptAll());
}
