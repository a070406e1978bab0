namespace Punchline.PortMapping;

/// <summary>One protocol, towards one router, for one UDP port of ours. One call at a time.</summary>
internal interface IMapper : IDisposable
{
    /// <summary>Which one.</summary>
    MappingProtocol Protocol { get; }

    /// <summary>Asks the router whether it speaks the protocol; changes nothing there. Gives up after some seconds.</summary>
    Task<bool> FindAsync(CancellationToken cancellationToken);

    /// <summary>Gets a mapping, or renews the one that it got before.</summary>
    Task<MappingReply> MapAsync(CancellationToken cancellationToken);

    /// <summary>Gives the mapping back, if it got one; an answer is not waited for long.</summary>
    Task UnmapAsync(CancellationToken cancellationToken);
}
