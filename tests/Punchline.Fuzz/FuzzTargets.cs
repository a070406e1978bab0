using Punchline.Fuzz.Connections;
using Punchline.Fuzz.Targets;

namespace Punchline.Fuzz;

/// <summary>Every target that there is.</summary>
internal static class FuzzTargets
{
    /// <summary>All of them, cheap ones first.</summary>
    public static IReadOnlyList<IFuzzTarget> All { get; } =
    [
        new PacketTarget(),
        new FrameTarget(),
        new TransportParameterTarget(),
        new TlsMessageTarget(),
        new CertificateTarget(),
        new SignatureTarget(),
        new StunTarget(),
        new RelayTarget(),
        new GatewayAnswerTarget(),
        new UpnpTarget(),
        new ControlTarget(),
        new TunnelTarget(),
        new FlowHeaderTarget(),
        new InviteTextTarget(),
        new InviteFieldTarget(),
        new ServerAddressTarget(),
        new DoorTokenTarget(),
        new RetryTokenTarget(),
        new SessionTicketTarget(),
        new ClientSessionTarget(),
        new OfferedKeysTarget(),
        new HandshakeTarget(clientReads: true),
        new HandshakeTarget(clientReads: false),
        new ConnectionTarget(clientReads: true),
        new ConnectionTarget(clientReads: false),
    ];

    /// <summary>Finds one by its name.</summary>
    public static IFuzzTarget? Find(string name) => All.FirstOrDefault(target => target.Name == name);
}
