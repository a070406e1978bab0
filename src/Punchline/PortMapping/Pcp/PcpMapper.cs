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
    private bool _mayStand;

    /// <inheritdoc/>
    public MappingProtocol Protocol => MappingProtocol.Pcp;

    /// <summary>What it has, or the port that it would like.</summary>
    private UdpAddress Suggested => _mapping?.External ?? new UdpAddress(System.Net.IPAddress.Any, internalPort);

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
        byte[] message = PcpMessage.MapRequest(link.Gateway.Local, _nonce, internalPort, Suggested, (uint)MappingLimits.Lease.TotalSeconds);
        _mayStand = true;
        if (await AskAsync(message, TryRead, cancellationToken).ConfigureAwait(false) is not { } reply)
            return default;
        // A mapping of no time or to no port is none.
        if (reply.Answer is not { Result: PcpResult.Success, Lifetime: not 0, External: { IsIPv4: true, Port: not 0 } })
        {
            _mayStand = _mapping is not null;
            return new MappingReply(MappingOutcome.Refused, Code: (int)reply.Answer.Result, Restarted: reply.Restarted);
        }
        _mapping = new Mapping(Protocol, reply.Answer.External, TimeSpan.FromSeconds(reply.Answer.Lifetime));
        return new MappingReply(MappingOutcome.Granted, _mapping.Value, Restarted: reply.Restarted);
    }

    /// <inheritdoc/>
    public async Task UnmapAsync(CancellationToken cancellationToken)
    {
        if (!_mayStand)
            return;
        byte[] message = PcpMessage.MapRequest(link.Gateway.Local, _nonce, internalPort, Suggested, 0);
        (_mayStand, _mapping) = (false, null);
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
