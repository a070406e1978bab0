namespace Punchline.Traversal;

/// <summary>How two peers try to meet where plain probing of candidates does not suffice (docs/wire/tunnel.md).</summary>
internal enum TraversalMethod : byte
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Each side tells the ports of a fresh mapping, foretold where its NAT counts; both begin at once, with packets that die between the routers.</summary>
    Exchange = 1,

    /// <summary>The birthday method: the client opens many mappings towards one port of the host's, the host tries many ports of the client's NAT.</summary>
    ClientOpens = 2,

    /// <summary>The same the other way round.</summary>
    HostOpens = 3,
}
