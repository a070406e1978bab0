using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.Endpoint;

/// <summary>What the loop has to say, typed; whoever owns the endpoint writes it into a log. Driver thread only.</summary>
internal interface IEndpointLog
{
    /// <summary>The owner of a connection threw; the connection is closed.</summary>
    void HandlerFailed(EndpointConnection connection, Exception exception);

    /// <summary>A posted item or a timer threw; the loop goes on.</summary>
    void WorkFailed(object work, Exception exception);

    /// <summary>The loop itself failed and has ended: all its connections are gone.</summary>
    void LoopFailed(Exception exception);

    /// <summary>The system has no way to this address; said once per path until one of its datagrams left again.</summary>
    void Unreachable(IUdpSocket socket, UdpAddress remote);
}
