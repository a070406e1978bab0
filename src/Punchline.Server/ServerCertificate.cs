using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Punchline.Quic;

namespace Punchline.Server;

/// <summary>
/// The certificate by which a server is known on its TLS port: PEM files as ACME clients write them. Renewed ones are taken up by
/// themselves; one that cannot be read leaves the former in place.
/// </summary>
public sealed class ServerCertificate
{
    private readonly string _certificatePath;
    private readonly string _keyPath;
    private readonly Lock _lock = new();
    private SslStreamCertificateContext _current;
    private DateTime _written;
    private Instant _next;

    /// <summary>Reads the files.</summary>
    /// <param name="certificatePath">The certificate, behind it those of the issuers.</param>
    /// <param name="keyPath">The private key, unencrypted; null: in the same file.</param>
    /// <exception cref="IOException">A file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be read.</exception>
    /// <exception cref="CryptographicException">A file holds no certificate, or no key that belongs to it.</exception>
    public ServerCertificate(string certificatePath, string? keyPath)
    {
        _certificatePath = certificatePath;
        _keyPath = keyPath ?? certificatePath;
        _written = LastWrite();
        _current = Load();
    }

    /// <summary>The certificate for a connection that comes now.</summary>
    internal SslStreamCertificateContext Current(Instant now, ILogger log)
    {
        lock (_lock)
        {
            if (now < _next)
                return _current;
            _next = now + ServerLimits.CertificateLook;
            try
            {
                DateTime written = LastWrite();
                if (written == _written)
                    return _current;
                _current = Load();
                _written = written;
                ServerLog.CertificateRenewed(log);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
            {
                // Half written, or a mistake in the renewal: the next look may find it whole.
                ServerLog.CertificateNotRenewed(log, e.Message);
            }
            return _current;
        }
    }

    private DateTime LastWrite()
    {
        DateTime certificate = File.GetLastWriteTimeUtc(_certificatePath);
        DateTime key = File.GetLastWriteTimeUtc(_keyPath);
        return certificate > key ? certificate : key;
    }

    private SslStreamCertificateContext Load()
    {
        X509Certificate2 certificate = X509Certificate2.CreateFromPemFile(_certificatePath, _keyPath);
        if (OperatingSystem.IsWindows())
        {
            // SChannel takes no key that is in memory alone.
            using X509Certificate2 ephemeral = certificate;
            certificate = X509CertificateLoader.LoadPkcs12(ephemeral.Export(X509ContentType.Pkcs12), null);
        }
        var issuers = new X509Certificate2Collection();
        issuers.ImportFromPemFile(_certificatePath);
        return SslStreamCertificateContext.Create(certificate, issuers, offline: true);
    }
}
