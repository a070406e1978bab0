using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using Punchline.Cli.Settings;
using Punchline.Invites;
using Punchline.Server;

namespace Punchline.Cli.Commands;

/// <summary>A bound that a site may set.</summary>
internal sealed record Count(int Value)
{
    /// <summary>Far above what one machine can hold; only so that sums of bounds stay numbers.</summary>
    private const int Max = 10_000_000;

    public static Parsed<Count> Read(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value is > 0 and <= Max
            ? new Count(value)
            : Parsed<Count>.Wrong(string.Create(CultureInfo.InvariantCulture, $"is not a number from 1 to {Max}"));
}

/// <summary>The second STUN port, or that there is none.</summary>
internal sealed record StunAlternative(IPEndPoint? At)
{
    public static Parsed<StunAlternative> Read(string text)
    {
        if (text.Equals("no", StringComparison.OrdinalIgnoreCase))
            return new StunAlternative((IPEndPoint?)null);
        var (at, error) = Addresses.EndPoint(text);
        return at is not null ? new StunAlternative(at) : Parsed<StunAlternative>.Wrong($"{error}, nor 'no'");
    }
}

/// <summary>The other things that <c>serve</c> reads.</summary>
internal static class ServeValues
{
    /// <summary>Some 64,000 hosts of 65 bytes: more than a server holds.</summary>
    private const int MaxHostListBytes = 4 * 1024 * 1024;

    /// <summary>A host id is a SHA-256 in hexadecimal digits.</summary>
    private const int HostIdDigits = 64;

    /// <summary>A name as peers prove it: lower case, always with its port.</summary>
    public static Parsed<string> Name(string text) =>
        !text.Contains("://", StringComparison.Ordinal) && ServerAddress.TryParse(text, out var address)
            ? address!.DialledName
            : Parsed<string>.Wrong("is not NAME:PORT, such as punch.example.org:3478");

    /// <summary>A port.</summary>
    public static Parsed<Count> Port(string text) => Addresses.TryPort(text, out var port) ? new Count(port) : Parsed<Count>.Wrong("is no port from 1 to 65535");

    /// <summary>The certificate for TLS.</summary>
    /// <returns>Null if no file was said.</returns>
    /// <exception cref="UsageException">A key without a certificate.</exception>
    /// <exception cref="PunchlineException">A file cannot be read, or is not what it should be.</exception>
    public static ServerCertificate? Certificate(string? path, string? keyPath)
    {
        if (path is null)
            return keyPath is null ? null : throw new UsageException("--tls-key: there is no --tls-certificate for it");
        try
        {
            return new ServerCertificate(path, keyPath);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new PunchlineException(ProblemCode.State, e.Message, e);
        }
        catch (CryptographicException e)
        {
            throw new PunchlineException(ProblemCode.State, $"{path}: no certificate in PEM with its private key ({e.Message})", e);
        }
    }

    /// <summary>The host ids in a file, one a line; empty lines and what follows a '#' do not count.</summary>
    /// <returns>Null if no file was said.</returns>
    /// <exception cref="PunchlineException">The file cannot be read, a line is no host id, or there is none: who names a list wants one.</exception>
    public static IReadOnlyCollection<string>? AllowedHosts(string? path)
    {
        if (path is null)
            return null;
        var ids = new List<string>();
        var number = 0;
        foreach (var line in UserFiles.Read(path, MaxHostListBytes).TrimStart('\uFEFF').Split('\n'))
        {
            number++;
            var id = line.Split('#')[0].Trim();
            if (id.Length == 0)
                continue;
            if (id.Length != HostIdDigits || !id.All(char.IsAsciiHexDigit))
                throw new PunchlineException(ProblemCode.State, string.Create(CultureInfo.InvariantCulture, $"{path}, line {number}: no host id, which is {HostIdDigits} hexadecimal digits"));
            ids.Add(id);
        }

        return ids.Count > 0 ? ids : throw new PunchlineException(ProblemCode.State, $"{path} holds no host id: nobody could register");
    }
}
