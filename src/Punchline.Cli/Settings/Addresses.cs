using System.Globalization;
using System.Net;
using Punchline.Invites;

namespace Punchline.Cli.Settings;

/// <summary>Reads ports, addresses with ports, and names with ports.</summary>
internal static class Addresses
{
    /// <summary>The longest name that DNS allows (RFC 1035 section 2.3.4, as text).</summary>
    private const int MaxNameLength = 253;

    public static bool TryPort(ReadOnlySpan<char> text, out int port) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port) && port is > 0 and <= ushort.MaxValue;

    /// <summary><c>ADDRESS:PORT</c>, the address being of this machine: <c>127.0.0.1:52000</c>, <c>[::]:3478</c>.</summary>
    public static Parsed<IPEndPoint> EndPoint(string text)
    {
        if (!TrySplit(text, out var host, out var portText) || portText is null)
            return Parsed<IPEndPoint>.Wrong("is not ADDRESS:PORT, such as 127.0.0.1:52000 or [::1]:52000");
        if (!TryPort(portText, out var port))
            return Parsed<IPEndPoint>.Wrong($"has no port from 1 to 65535 after the address, but '{portText}'");
        if (host == "localhost")
            return new IPEndPoint(IPAddress.Loopback, port);
        return IPAddress.TryParse(host, out var address) && IsFullAddress(host)
            ? new IPEndPoint(address, port)
            : Parsed<IPEndPoint>.Wrong($"has no IP address before the port, but '{host}'");
    }

    /// <summary>An IP address, without a port.</summary>
    public static Parsed<IPAddress> Address(string text) =>
        IPAddress.TryParse(text, out var address) && IsFullAddress(text)
            ? address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address
            : Parsed<IPAddress>.Wrong("is not an IP address, such as 203.0.113.5 or 2001:db8::5");

    /// <summary><c>HOST</c>, <c>HOST:PORT</c>, or either behind <c>wss://</c> or <c>ws://</c>, given back as it is.</summary>
    public static Parsed<string> Server(string text)
    {
        if (text.StartsWith("wss://", StringComparison.OrdinalIgnoreCase) || text.StartsWith("ws://", StringComparison.OrdinalIgnoreCase))
        {
            return ServerAddress.TryParse(text, out _)
                ? text
                : Parsed<string>.Wrong("is not wss://HOST or ws://HOST, such as wss://punch.example.org");
        }

        if (!TrySplit(text, out var host, out var port) || !IsHost(host) || port?.All(char.IsAsciiDigit) == false)
            return Parsed<string>.Wrong("is not HOST or HOST:PORT, such as punch.example.org or 203.0.113.5:3478");
        return port is null || TryPort(port, out _) ? text : Parsed<string>.Wrong($"has no port from 1 to 65535, but '{port}'");
    }

    /// <summary>An IP address or a name that DNS could know.</summary>
    public static bool IsHost(string text) =>
        IPAddress.TryParse(text, out _) ? IsFullAddress(text) : text.Length is > 0 and <= MaxNameLength && text.Split('.').All(IsLabel);

    /// <summary>Takes <c>HOST</c>, <c>HOST:PORT</c>, <c>[IPV6]</c>, <c>[IPV6]:PORT</c> or a bare IPv6 address apart.</summary>
    public static bool TrySplit(string text, out string host, out string? port)
    {
        (host, port) = (text, null);
        if (text.StartsWith('['))
        {
            var end = text.IndexOf(']', StringComparison.Ordinal);
            if (end < 0 || !IPAddress.TryParse(text.AsSpan(1, end - 1), out _))
                return false;
            host = text[1..end];
            if (end == text.Length - 1)
                return true;
            port = text[(end + 2)..];
            return text[end + 1] == ':';
        }

        var colon = text.LastIndexOf(':');
        if (colon < 0)
            return text.Length > 0;
        if (text.IndexOf(':', StringComparison.Ordinal) != colon)
            return IPAddress.TryParse(text, out _);
        (host, port) = (text[..colon], text[(colon + 1)..]);
        return host.Length > 0;
    }

    // IPAddress reads "1" and "0x7f.1" as well: nobody means those.
    private static bool IsFullAddress(string text) =>
        text.Contains(':', StringComparison.Ordinal) || (text.Split('.').Length == 4 && text.All(c => char.IsAsciiDigit(c) || c == '.'));

    private static bool IsLabel(string label) =>
        label.Length is > 0 and <= 63 && label.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_') && label[0] != '-';
}
