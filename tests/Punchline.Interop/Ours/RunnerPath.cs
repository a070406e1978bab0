using System.Net;
using Punchline.Quic;

namespace Punchline.Interop.Ours;

/// <summary>The way between our socket and one remote address.</summary>
internal sealed class RunnerPath(IPEndPoint remote) : NetworkPath
{
    public override PathKind Kind => PathKind.Direct;

    public override UdpAddress RemoteAddress { get; } = new(remote.Address, remote.Port);

    public IPEndPoint Remote => remote;

    public override string ToString() => $"path to {remote.Port}";
}
