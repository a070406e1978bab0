using Punchline.Quic;

namespace Punchline.PortMapping.NatPmp;

/// <summary>NAT-PMP (RFC 6886).</summary>
/// <param name="link">The way to the router.</param>
/// <param name="internalPort">Our UDP port.</param>
/// <param name="routerPort">The router's: <see cref="NatPmpMessage.Port"/>.</param>
internal sealed class NatPmpMapper(GatewayLink link, ushort internalPort, ushort routerPort) : IMapper
{
    private readonly GatewayEpoch _epoch = new();
    private Mapping? _mapping;
    private bool _mayStand;

    /// <inheritdoc/>
    public MappingProtocol Protocol => MappingProtocol.NatPmp;

    private UdpAddress Router => link.Gateway.Address.WithPort(routerPort);

    /// <inheritdoc/>
    public async Task<bool> FindAsync(CancellationToken cancellationToken) =>
        await AskAddressAsync(cancellationToken).ConfigureAwait(false) is not null;

    /// <inheritdoc/>
    public async Task<MappingReply> MapAsync(CancellationToken cancellationToken)
    {
        // The answer to a mapping does not tell the address, which may have changed since it was asked for last.
        if (await AskAddressAsync(cancellationToken).ConfigureAwait(false) is not { } outer)
            return default;
        if (outer.Result != NatPmpResult.Success)
            return new MappingReply(MappingOutcome.Refused, Code: (int)outer.Result);
        byte[] request = NatPmpMessage.MapRequest(
            internalPort, _mapping?.External.Port ?? internalPort, (uint)MappingLimits.Lease.TotalSeconds);
        _mayStand = true;
        if (await AskAsync(request, cancellationToken).ConfigureAwait(false) is not { } answer)
            return default;
        bool restarted = answer.Restarted | outer.Restarted;
        // A mapping of no time or to no port is none.
        if (answer.Mapping is not { Result: NatPmpResult.Success, ExternalPort: not 0, Lifetime: not 0 } granted)
        {
            _mayStand = _mapping is not null;
            return new MappingReply(MappingOutcome.Refused, Code: (int)answer.Mapping.Result, Restarted: restarted);
        }
        _mapping = new Mapping(Protocol, outer.Address.WithPort(granted.ExternalPort), TimeSpan.FromSeconds(granted.Lifetime));
        return new MappingReply(MappingOutcome.Granted, _mapping.Value, Restarted: restarted);
    }

    /// <inheritdoc/>
    public async Task UnmapAsync(CancellationToken cancellationToken)
    {
        if (!_mayStand)
            return;
        (_mayStand, _mapping) = (false, null);
        await AskAsync(NatPmpMessage.MapRequest(internalPort, 0, 0), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private async Task<(NatPmpResult Result, UdpAddress Address, bool Restarted)?> AskAddressAsync(CancellationToken cancellationToken)
    {
        var question = new GatewayRequest<NatPmpAddress>(Router, NatPmpMessage.AddressRequest(), NatPmpMessage.TryReadAddress);
        if (await link.AskAsync(question, cancellationToken).ConfigureAwait(false) is not { } request)
            return null;
        return (request.Answer.Result, request.Answer.Address, _epoch.HasRestartedNatPmp(request.Answer.Epoch, request.AnsweredAt));
    }

    private async Task<(NatPmpMapping Mapping, bool Restarted)?> AskAsync(byte[] message, CancellationToken cancellationToken)
    {
        if (await link.AskAsync(new GatewayRequest<NatPmpMapping>(Router, message, TryRead), cancellationToken).ConfigureAwait(false) is not { } request)
            return null;
        return (request.Answer, _epoch.HasRestartedNatPmp(request.Answer.Epoch, request.AnsweredAt));
    }

    // Other programs of this machine ask the router as well.
    private bool TryRead(ReadOnlySpan<byte> datagram, out NatPmpMapping answer) => NatPmpMessage.TryReadMapping(datagram, out answer)
        && (answer.InternalPort == internalPort || (answer.InternalPort == 0 && answer.Result != NatPmpResult.Success));
}
