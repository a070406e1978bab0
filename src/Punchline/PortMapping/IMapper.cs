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

    /// <summary>
    /// Gives back the mapping that it got, or that it asked for without hearing the answer: the router may have granted it. Nothing otherwise.
    /// </summary>
    Task UnmapAsync(CancellationToken cancellationToken);
}
