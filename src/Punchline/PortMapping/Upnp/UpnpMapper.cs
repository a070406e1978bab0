using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using Punchline.Quic;

namespace Punchline.PortMapping.Upnp;

/// <summary>UPnP-IGD: WANIPConnection:1 and :2, WANPPPConnection:1.</summary>
/// <param name="link">The way to the router.</param>
/// <param name="internalPort">Our UDP port.</param>
/// <param name="randomness">For ports, where ours is taken.</param>
/// <param name="group">Where to search.</param>
internal sealed class UpnpMapper(GatewayLink link, ushort internalPort, IRandomness randomness, UdpAddress group) : IMapper
{
    /// <summary>SSDP's multicast group; it does not leave the link's site.</summary>
    public static readonly UdpAddress Group = new(IPAddress.Parse("239.255.255.250"), 1900);

    /// <summary>Shown in the router's list.</summary>
    private const string Description = "Punchline";

    private readonly UpnpHttp _http = new();
    private UpnpService? _service;
    private UpnpAttempt? _granted;
    private Task<(ushort Port, int Error)?> _adding = Task.FromResult<(ushort, int)?>(null);

    /// <inheritdoc/>
    public MappingProtocol Protocol => MappingProtocol.Upnp;

    /// <inheritdoc/>
    public async Task<bool> FindAsync(CancellationToken cancellationToken)
    {
        if (await link.AskAsync(SsdpSearch.Of(group, link.Gateway.Address), cancellationToken).ConfigureAwait(false) is not { Answer: var location })
            return false;
        return await _http.GetAsync(location, cancellationToken).ConfigureAwait(false) is { Status: HttpStatusCode.OK } description
            && UpnpService.TryFind(description.Body, location, link.Gateway.Address, out _service);
    }

    /// <inheritdoc/>
    public async Task<MappingReply> MapAsync(CancellationToken cancellationToken)
    {
        if (_service is null)
            return default;
        (string text, int error)? outer = await CallAsync("GetExternalIPAddress", "NewExternalIPAddress", [], cancellationToken).ConfigureAwait(false);
        if (outer is null)
            return default;
        if (!TryReadAddress(outer.Value.text, out UdpAddress address))
            return new MappingReply(MappingOutcome.Refused, Code: outer.Value.error);

        // A renewal is the same once more, by which an IGD:1 replaces its own mapping; AddAnyPortMapping would make a second one.
        UpnpAttempt? attempt = _granted is { } before
            ? before with { Any = false }
            : new UpnpAttempt(internalPort, (uint)MappingLimits.Lease.TotalSeconds, _service.ChoosesPorts);
        for (int i = 0; i < UpnpAttempt.Max && attempt is { } asked; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            // What was sent stands, whoever gives up waiting: its answer alone tells which port is to be given back.
            _adding = AddAsync(asked);
            if (await _adding.WaitAsync(cancellationToken).ConfigureAwait(false) is not { } answer)
                return default;
            if (answer.Error == 0)
            {
                return new MappingReply(
                    MappingOutcome.Granted, new Mapping(Protocol, address.WithPort(answer.Port), TimeSpan.FromSeconds(asked.Lease)));
            }
            attempt = asked.After(answer.Error, internalPort, DrawPort());
            if (attempt is null)
                return new MappingReply(MappingOutcome.Refused, Code: answer.Error);
        }
        return new MappingReply(MappingOutcome.Refused);
    }

    /// <inheritdoc/>
    public async Task UnmapAsync(CancellationToken cancellationToken)
    {
        await _adding.WaitAsync(cancellationToken).ConfigureAwait(false);
        if (_granted is not { } mapping)
            return;
        _granted = null;
        await CallAsync(
            "DeletePortMapping",
            "",
            [("NewRemoteHost", ""), ("NewExternalPort", Text(mapping.ExternalPort)), ("NewProtocol", "UDP")],
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    /// <summary>Asks for a mapping, and notes it if it is granted.</summary>
    private async Task<(ushort Port, int Error)?> AddAsync(UpnpAttempt asked)
    {
        (string Name, string Value)[] arguments =
        [
            ("NewRemoteHost", ""),
            ("NewExternalPort", Text(asked.ExternalPort)),
            ("NewProtocol", "UDP"),
            ("NewInternalPort", Text(internalPort)),
            ("NewInternalClient", link.Gateway.Local.ToIPAddress().ToString()),
            ("NewEnabled", "1"),
            ("NewPortMappingDescription", Description),
            ("NewLeaseDuration", Text(asked.Lease)),
        ];
        string action = asked.Any ? "AddAnyPortMapping" : "AddPortMapping";
        (string text, int error)? answer = await CallAsync(action, "NewReservedPort", arguments, CancellationToken.None).ConfigureAwait(false);
        if (answer is not { } said)
            return null;
        ushort port = asked.ExternalPort;
        if (said.error != 0)
            return (port, said.error);
        if (asked.Any && (!ushort.TryParse(said.text, NumberStyles.None, CultureInfo.InvariantCulture, out port) || port == 0))
            return null;
        _granted = asked with { ExternalPort = port };
        return (port, 0);
    }

    /// <summary>Calls an action.</summary>
    /// <returns>The value of one of its results, or UPnP's error code (-1 for a failure without one); null without an answer.</returns>
    private async Task<(string Value, int Error)?> CallAsync(
        string action, string result, (string Name, string Value)[] arguments, CancellationToken cancellationToken)
    {
        string body = SoapMessage.Call(_service!.Type, action, arguments);
        if (await _http.CallAsync(_service, action, body, cancellationToken).ConfigureAwait(false) is not { } response
            || !SoapMessage.TryRead(response.Body, result, out string value, out int error))
            return null;
        return (value, error == 0 && response.Status != HttpStatusCode.OK ? -1 : error);
    }

    private static bool TryReadAddress(string text, out UdpAddress address)
    {
        bool read = IPAddress.TryParse(text, out IPAddress? parsed);
        address = read ? new UdpAddress(parsed!, 0) : default;
        return address.IsIPv4;
    }

    /// <summary>One of the dynamic ports (RFC 6335 section 6).</summary>
    private ushort DrawPort()
    {
        Span<byte> bytes = stackalloc byte[2];
        randomness.FillPublic(bytes);
        return (ushort)(0xC000 | BinaryPrimitives.ReadUInt16BigEndian(bytes));
    }

    private static string Text(uint number) => number.ToString(CultureInfo.InvariantCulture);
}
