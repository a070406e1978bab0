namespace Punchline.Quic;

/// <summary>What the rules about candidates ask of this machine's network (docs/wire/punch.md, "Nobody's reflector").</summary>
public interface ILocalNetwork
{
    /// <summary>True if the address lies in the prefix of one of our interfaces.</summary>
    bool IsOnLink(UdpAddress address);

    /// <summary>True if address and port are those of one of our own sockets.</summary>
    bool IsOwn(UdpAddress address);

    /// <summary>True if the server itself is reached over loopback: then peers on this machine may be, too.</summary>
    bool AllowsLoopback { get; }
}
