using Punchline.Quic;

namespace Punchline.PortMapping.Pcp;

/// <summary>PCP (RFC 6887), for one IPv4 mapping of ours: never for a third party.</summary>
/// <param name="link">The way to the router.</param>
/// <param name="internalPort">Our UDP port.</param>
/// <param name="randomness">For the nonce.</param>
/// <param name="routerPort">The router's: that of NAT-PMP, whose successor this is (RFC 6887 section 19.1).</param>
internal sealed class PcpMapper(GatewayLink link, ushort internalPort, IRandomness randomness, ushort routerPort) : IMapper
{
    private readonly PcpNonce _nonce = PcpNonce.Draw(randomness);
    private readonly GatewayEpoch _epoch = new();
    private Mapping? _mapping;

    /// <inheritdoc/>
    public MappingProtocol Protocol => MappingProtocol.Pcp;

    private UdpAddress Router => link.Gateway.Address.WithPort(routerPort);

    /// <inheritdoc/>
    /// <remarks>A server that does not know ANNOUNCE speaks PCP all the same; one that does not know the version speaks NAT-PMP (section 9).</remarks>
    public async Task<bool> FindAsync(CancellationToken cancellationToken)
    {
        byte[] message = PcpMessage.AnnounceRequest(link.Gateway.Local);
        return await AskAsync(message, PcpMessage.TryReadAnnounce, cancellationToken).ConfigureAwait(false)
            is { Answer.Result: not PcpResult.UnsupportedVersion };
    }

    /// <inheritdoc/>
    public async Task<MappingReply> MapAsync(CancellationToken cancellationToken)
    {
        UdpAddress suggested = _mapping?.External ?? new UdpAddress(System.Net.IPAddress.Any, internalPort);
        byte[] message = PcpMessage.MapRequest(link.Gateway.Local, _nonce, internalPort, suggested, (uint)MappingLimits.Lease.TotalSeconds);
        if (await AskAsync(message, TryRead, cancellationToken).ConfigureAwait(false) is not { } reply)
            return default;
        // A mapping of no time or to no port is none.
        if (reply.Answer is not { Result: PcpResult.Success, Lifetime: not 0, External: { IsIPv4: true, Port: not 0 } })
            return new MappingReply(MappingOutcome.Refused, Code: (int)reply.Answer.Result, Restarted: reply.Restarted);
        _mapping = new Mapping(Protocol, reply.Answer.External, TimeSpan.FromSeconds(reply.Answer.Lifetime));
        return new MappingReply(MappingOutcome.Granted, _mapping.Value, Restarted: reply.Restarted);
    }

    /// <inheritdoc/>
    public async Task UnmapAsync(CancellationToken cancellationToken)
    {
        if (_mapping is not { } mapping)
            return;
        _mapping = null;
        byte[] message = PcpMessage.MapRequest(link.Gateway.Local, _nonce, internalPort, mapping.External, 0);
        await AskAsync(message, TryRead, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private async Task<(PcpAnswer Answer, bool Restarted)?> AskAsync(
        byte[] message, AnswerReader<PcpAnswer> read, CancellationToken cancellationToken)
    {
        if (await link.AskAsync(new GatewayRequest<PcpAnswer>(Router, message, read), cancellationToken).ConfigureAwait(false) is not { } request)
            return null;
        // NAT-PMP's refusal of the version has no epoch of PCP's.
        bool restarted = request.Answer.Result != PcpResult.UnsupportedVersion
            && _epoch.HasRestartedPcp(request.Answer.Epoch, request.AnsweredAt);
        return (request.Answer, restarted);
    }

    private bool TryRead(ReadOnlySpan<byte> datagram, out PcpAnswer answer) =>
        PcpMessage.TryReadMap(datagram, _nonce, internalPort, out answer);
}
