using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Punchline.Invites;

/// <summary>How a server's control channel is reached.</summary>
public enum ServerScheme : byte
{
    /// <summary>A Punchline server on its own port: WebSocket without TLS, default port 3478.</summary>
    Punch = 0,

    /// <summary>WebSocket through a web server, default port 80.</summary>
    Ws = 1,

    /// <summary>WebSocket with TLS, by the server itself or a web server in front, default port 443.</summary>
    Wss = 2,
}

/// <summary>Where a server is: scheme, name, port, and perhaps its key (docs/wire/invite.md).</summary>
public sealed record ServerAddress
{
    /// <summary>The port of a Punchline server, TCP and UDP: that of STUN (RFC 8489 section 18.6).</summary>
    public const int DefaultPort = 3478;

    /// <summary>The port of a server behind TLS: that of HTTPS.</summary>
    public const int TlsPort = 443;

    /// <summary>The longest name in bytes: a field holds 255 with scheme, port and key; DNS allows 253, and none in use comes near.</summary>
    public const int MaxNameLength = 200;

    private ServerAddress(ServerScheme scheme, string name, int port, ReadOnlyMemory<byte> key)
    {
        Scheme = scheme;
        Name = name;
        Port = port;
        Key = key;
    }

    /// <summary>How it is reached.</summary>
    public ServerScheme Scheme { get; }

    /// <summary>A DNS name, an IPv4 address, or an IPv6 address without brackets; lower case.</summary>
    public string Name { get; }

    /// <summary>1 to 65535.</summary>
    public int Port { get; }

    /// <summary>The server's public key, 32 bytes, or empty.</summary>
    public ReadOnlyMemory<byte> Key { get; }

    /// <summary>"name:port" with brackets around IPv6: what proofs towards the server cover (docs/wire/control.md).</summary>
    public string DialledName => string.Create(CultureInfo.InvariantCulture, $"{(Name.Contains(':', StringComparison.Ordinal) ? $"[{Name}]" : Name)}:{Port}");

    /// <summary>The WebSocket's address.</summary>
    internal Uri WebSocketUri => new($"{(Scheme == ServerScheme.Wss ? "wss" : "ws")}://{DialledName}/v1");

    /// <summary>Makes an address from its parts.</summary>
    /// <param name="scheme">How it is reached.</param>
    /// <param name="name">A DNS name or an IP address, with or without brackets.</param>
    /// <param name="port">1 to 65535.</param>
    /// <param name="key">0 or 32 bytes.</param>
    /// <param name="address">The address.</param>
    /// <returns>False if a part is not valid.</returns>
    public static bool TryCreate(ServerScheme scheme, string? name, int port, ReadOnlyMemory<byte> key, out ServerAddress? address)
    {
        address = null;
        if (name is null || scheme > ServerScheme.Wss || port is < 1 or > 65535 || key.Length is not (0 or 32))
            return false;
        if (name.StartsWith('[') && name.EndsWith(']') && !name.Contains(':', StringComparison.Ordinal))
            return false;
        string bare = name.StartsWith('[') && name.EndsWith(']') ? name[1..^1] : name;
        bare = bare.ToLowerInvariant();
        if (bare.Contains(':', StringComparison.Ordinal))
        {
            // One spelling for each IPv6 address, as the name separates servers. No scope: it means nothing elsewhere.
            if (bare.Contains('%', StringComparison.Ordinal) || !IPAddress.TryParse(bare, out IPAddress? ip) || ip.AddressFamily != AddressFamily.InterNetworkV6)
                return false;
            bare = ip.ToString();
        }
        else if (!IsHostName(bare))
        {
            return false;
        }
        address = new ServerAddress(scheme, bare, port, key);
        return true;
    }

    /// <summary>Reads "name", "name:port", "[2001:db8::1]:port", or any of these behind punch://, ws:// or wss://.</summary>
    /// <returns>False if it is not an address.</returns>
    public static bool TryParse(string? text, out ServerAddress? address)
    {
        address = null;
        if (text is null)
            return false;
        ReadOnlySpan<char> rest = text.AsSpan().Trim();
        ServerScheme scheme = ServerScheme.Punch;
        int mark = rest.IndexOf("://", StringComparison.Ordinal);
        if (mark >= 0)
        {
            ReadOnlySpan<char> word = rest[..mark];
            if (word.Equals("wss", StringComparison.OrdinalIgnoreCase) || word.Equals("https", StringComparison.OrdinalIgnoreCase))
                scheme = ServerScheme.Wss;
            else if (word.Equals("ws", StringComparison.OrdinalIgnoreCase) || word.Equals("http", StringComparison.OrdinalIgnoreCase))
                scheme = ServerScheme.Ws;
            else if (!word.Equals("punch", StringComparison.OrdinalIgnoreCase))
                return false;
            rest = rest[(mark + 3)..].TrimEnd('/');
        }
        int port = scheme switch { ServerScheme.Wss => TlsPort, ServerScheme.Ws => 80, _ => DefaultPort };
        ReadOnlySpan<char> name = rest;
        int colon = rest.LastIndexOf(':');
        int bracket = rest.LastIndexOf(']');
        bool bareIPv6 = bracket < 0 && rest.IndexOf(':') != colon;
        if (colon > bracket && !bareIPv6)
        {
            if (!int.TryParse(rest[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out port))
                return false;
            name = rest[..colon];
        }
        return TryCreate(scheme, name.ToString(), port, default, out address);
    }

    /// <inheritdoc/>
    public bool Equals(ServerAddress? other) =>
        other is not null && Scheme == other.Scheme && Name == other.Name && Port == other.Port && Key.Span.SequenceEqual(other.Key.Span);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Scheme, Name, Port);

    /// <summary>As <see cref="TryParse"/> reads it.</summary>
    public override string ToString() => Scheme switch
    {
        ServerScheme.Wss => "wss://" + DialledName,
        ServerScheme.Ws => "ws://" + DialledName,
        _ => DialledName,
    };

    private static bool IsHostName(string name)
    {
        if (name.Length is 0 or > MaxNameLength || name[0] is '.' or '-')
            return false;
        foreach (char c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('.' or '-' or '_'))
                return false;
        }
        // What is dialled is a URI, whose class refuses some names of these characters ("192.0.2.-") by an exception.
        return !name.Contains("..", StringComparison.Ordinal) && Uri.CheckHostName(name) is (UriHostNameType.Dns or UriHostNameType.IPv4);
    }
}
