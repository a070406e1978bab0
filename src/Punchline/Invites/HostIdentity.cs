using System.Security.Cryptography;
using System.Text;
using Punchline.Quic;

namespace Punchline.Invites;

/// <summary>A peer's persisted keys, as bytes: the P-256 identity and the key of its connection ids and stateless resets.</summary>
internal sealed class HostIdentity
{
    /// <summary>PEM, PKCS#8, unencrypted: as OpenSSL writes and reads it.</summary>
    public const string KeyFile = "identity.pem";

    public const string ResetKeyFile = "reset.key";
    public const int ResetKeyLength = 32;

    /// <summary>The DER of an uncompressed P-256 SubjectPublicKeyInfo.</summary>
    public const int PublicKeyInfoLength = 91;

    private HostIdentity(byte[] pkcs8, byte[] publicKeyInfo, byte[] resetKey)
    {
        Pkcs8 = pkcs8;
        PublicKeyInfo = publicKeyInfo;
        PeerId = SHA256.HashData(publicKeyInfo);
        ResetKey = resetKey;
    }

    /// <summary>The private key.</summary>
    public ReadOnlyMemory<byte> Pkcs8 { get; }

    /// <summary>91 bytes.</summary>
    public ReadOnlyMemory<byte> PublicKeyInfo { get; }

    /// <summary>SHA-256 of <see cref="PublicKeyInfo"/>, 32 bytes.</summary>
    public ReadOnlyMemory<byte> PeerId { get; }

    /// <summary>32 bytes for QuicEndpointOptions.ResetKey.</summary>
    public ReadOnlyMemory<byte> ResetKey { get; }

    /// <summary>
    /// The same peer with a reset key that only this process has. Several clients may run with one folder, beside a host: with one
    /// key any of them would answer for the connections of the others with their stateless reset tokens, and whoever sees a
    /// connection id could so end the connection (RFC 9000 section 21.11). Nobody waits for the resets of a client that has
    /// restarted, for it comes back from another port.
    /// </summary>
    public HostIdentity WithOwnResetKey(IRandomness randomness)
    {
        var reset = new byte[ResetKeyLength];
        randomness.FillSecret(reset);
        return new HostIdentity(Pkcs8.ToArray(), PublicKeyInfo.ToArray(), reset);
    }

    /// <summary>A peer that nobody knows, and of which nothing is kept.</summary>
    public static HostIdentity CreatePassing(IRandomness randomness)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new HostIdentity(key.ExportPkcs8PrivateKey(), key.ExportSubjectPublicKeyInfo(), new byte[ResetKeyLength]).WithOwnResetKey(randomness);
    }

    /// <summary>Reads the keys, and makes those that are not there yet.</summary>
    /// <exception cref="StateFileException">A file is broken or cannot be read or written. It is left as it is: a new identity would break every invite.</exception>
    public static HostIdentity LoadOrCreate(StateDirectory directory, IRandomness randomness)
    {
        using ECDsa key = ReadKey(directory) ?? CreateKey(directory);
        byte[]? reset = directory.Read(ResetKeyFile);
        if (reset is null)
        {
            reset = new byte[ResetKeyLength];
            randomness.FillSecret(reset);
            directory.Write(ResetKeyFile, reset);
        }
        else if (reset.Length != ResetKeyLength)
        {
            throw new StateFileException(directory.PathOf(ResetKeyFile), "it is broken: it should be 32 bytes long. Remove it; a new one will be made", null);
        }
        return new HostIdentity(key.ExportPkcs8PrivateKey(), key.ExportSubjectPublicKeyInfo(), reset);
    }

    private static ECDsa CreateKey(StateDirectory directory)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        directory.Write(KeyFile, Encoding.ASCII.GetBytes(key.ExportPkcs8PrivateKeyPem() + "\n"));
        return key;
    }

    private static ECDsa? ReadKey(StateDirectory directory)
    {
        byte[]? pem = directory.Read(KeyFile);
        if (pem is null)
            return null;
        var key = ECDsa.Create();
        try
        {
            key.ImportFromPem(Encoding.ASCII.GetString(pem));
            ECParameters parameters = key.ExportParameters(includePrivateParameters: true);
            if (parameters.Curve.Oid.Value == "1.2.840.10045.3.1.7" && parameters.D is not null && key.ExportSubjectPublicKeyInfo().Length == PublicKeyInfoLength)
                return key;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            key.Dispose();
            throw new StateFileException(directory.PathOf(KeyFile), "it is broken: it should hold a P-256 private key (PKCS#8, PEM). " +
                "Bring it back from a copy, or remove it: then a new identity is made and old invites end", e);
        }
        key.Dispose();
        throw new StateFileException(directory.PathOf(KeyFile), "its key is not a private key on the curve P-256", null);
    }
}
