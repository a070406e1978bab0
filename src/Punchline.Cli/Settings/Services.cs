using System.Net;

namespace Punchline.Cli.Settings;

/// <summary>
/// Reads services as people type them: <c>[NAME=][tcp:|udp:][ADDRESS:]PORT</c>, where an address needs its protocol.
/// </summary>
internal static class Services
{
    /// <summary>As long as a DNS label; it stands in every client's output and options.</summary>
    private const int MaxNameLength = 63;

    public const string Forms = "25565, tcp:25565, tcp:ADDRESS:PORT, udp:19132 or udp:ADDRESS:PORT, with NAME= before it if you like";

    public static Parsed<ServiceSpec> Service(string text)
    {
        var rest = text;
        string? name = null;
        if (text.IndexOf('=', StringComparison.Ordinal) is >= 0 and var equals)
        {
            (name, rest) = (text[..equals], text[(equals + 1)..]);
            if (!IsName(name))
                return Parsed<ServiceSpec>.Wrong($"has a bad name: 1 to {MaxNameLength} letters, digits, '-', '_' or '.'");
        }

        var protocol = ServiceProtocol.Tcp;
        var spoken = true;
        if (rest.StartsWith("tcp:", StringComparison.OrdinalIgnoreCase))
            rest = rest[4..];
        else if (rest.StartsWith("udp:", StringComparison.OrdinalIgnoreCase))
            (protocol, rest) = (ServiceProtocol.Udp, rest[4..]);
        else
            spoken = false;

        var address = "127.0.0.1";
        if (!Addresses.TryPort(rest, out var port))
        {
            if (rest.Length > 0 && rest.All(char.IsAsciiDigit))
                return Parsed<ServiceSpec>.Wrong($"has no port from 1 to 65535, but '{rest}'");
            if (!Addresses.TrySplit(rest, out address, out var portText) || portText is null || !Addresses.IsHost(address))
                return Parsed<ServiceSpec>.Wrong($"is no service; write {Forms}");
            if (!Addresses.TryPort(portText, out port))
                return Parsed<ServiceSpec>.Wrong($"has no port from 1 to 65535, but '{portText}'");
            if (!spoken)
                return Parsed<ServiceSpec>.Wrong($"does not say which protocol; write tcp:{rest} or udp:{rest}");
        }

        return new ServiceSpec(name ?? $"{(protocol == ServiceProtocol.Tcp ? "tcp" : "udp")}-{port}", protocol, address, port);
    }

    /// <summary>Several, whose names must differ.</summary>
    public static Parsed<IReadOnlyList<ServiceSpec>> All(IEnumerable<string> texts)
    {
        List<ServiceSpec> services = [];
        foreach (var text in texts)
        {
            var (service, error) = Service(text);
            if (service is null)
                return Parsed<IReadOnlyList<ServiceSpec>>.Wrong($"'{text}' {error}");
            if (services.Exists(other => other.Name == service.Name))
                return Parsed<IReadOnlyList<ServiceSpec>>.Wrong(
                    $"two services are called '{service.Name}'; name one of them, as in other={text[(text.IndexOf('=', StringComparison.Ordinal) + 1)..]}");
            services.Add(service);
        }

        return services;
    }

    /// <summary><c>NAME=ADDRESS:PORT</c>: where a client listens for a service.</summary>
    public static Parsed<KeyValuePair<string, IPEndPoint>> Mapping(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals < 0 || !IsName(text[..equals]))
            return Parsed<KeyValuePair<string, IPEndPoint>>.Wrong("is not NAME=ADDRESS:PORT, such as web=127.0.0.1:8080");
        var (endPoint, error) = Addresses.EndPoint(text[(equals + 1)..]);
        return endPoint is null
            ? Parsed<KeyValuePair<string, IPEndPoint>>.Wrong($"is not NAME=ADDRESS:PORT: '{text[(equals + 1)..]}' {error}")
            : new KeyValuePair<string, IPEndPoint>(text[..equals], endPoint);
    }

    private static bool IsName(string text) =>
        text.Length is > 0 and <= MaxNameLength && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');
}
