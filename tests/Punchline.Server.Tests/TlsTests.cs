using System.Net;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Punchline.Protocol;
using Punchline.Testing;
using Xunit;

namespace Punchline.Server.Tests;

/// <summary>The control channel with TLS by the server's own certificate.</summary>
public sealed class TlsTests : IDisposable
{
    private readonly string _folder = System.IO.Directory.CreateTempSubdirectory("punchline-tls-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string CertificatePath => Path.Combine(_folder, "chain.pem");

    private string KeyPath => Path.Combine(_folder, "key.pem");

    public void Dispose() => System.IO.Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_control_channel_is_served_with_and_without_TLS()
    {
        string thumbprint = Write("punch.example", DateTime.UnixEpoch);
        await using PunchlineServer server = await StartAsync(TimeProvider.System);
        await HelloAsync(server, thumbprint);
        using RelayPeer plain = await RelayPeer.ConnectAsync(server);
        Assert.Equal((ushort)server.Port, plain.Hello.UdpPort);
    }

    [Fact]
    public async Task A_renewed_certificate_is_taken_up_and_a_broken_one_is_not()
    {
        var time = new ManualTime();
        string first = Write("first.example", DateTime.UnixEpoch);
        await using PunchlineServer server = await StartAsync(time);
        await HelloAsync(server, first);
        await File.WriteAllTextAsync(CertificatePath, "half written", Token);
        File.SetLastWriteTimeUtc(CertificatePath, DateTime.UnixEpoch.AddHours(1));
        time.Advance(ServerLimits.CertificateLook);
        await HelloAsync(server, first);
        string second = Write("second.example", DateTime.UnixEpoch.AddHours(2));
        await HelloAsync(server, first);
        time.Advance(ServerLimits.CertificateLook);
        await HelloAsync(server, second);
    }

    [Fact]
    public void A_file_that_is_no_certificate_is_refused_at_once()
    {
        File.WriteAllText(CertificatePath, "none");
        Assert.ThrowsAny<CryptographicException>(() => new ServerCertificate(CertificatePath, null));
        Assert.Throws<FileNotFoundException>(() => new ServerCertificate(KeyPath, null));
    }

    private Task<PunchlineServer> StartAsync(TimeProvider time) => TestServer.StartAsync(new PunchlineServerOptions
    {
        Address = IPAddress.Loopback, Port = 0, TlsPort = 0, Certificate = new ServerCertificate(CertificatePath, KeyPath), Time = time,
    });

    // A whole hello comes by the certificate with this thumbprint.
    private static async Task HelloAsync(PunchlineServer server, string thumbprint)
    {
        using var socket = new ClientWebSocket();
        socket.Options.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.GetCertHashString() == thumbprint;
        await socket.ConnectAsync(new Uri($"wss://127.0.0.1:{server.TlsPort}/v1"), Token);
        byte[] buffer = new byte[ControlCodec.MaxMessageLength];
        WebSocketReceiveResult result = await socket.ReceiveAsync(buffer, Token);
        Assert.Equal(ControlReadStatus.Ok, ControlCodec.TryRead(buffer.AsSpan(0, result.Count), out ControlMessage? message));
        Assert.Equal((ushort)server.Port, Assert.IsType<ServerHello>(message).UdpPort);
    }

    private string Write(string name, DateTime written)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=" + name, key, HashAlgorithmName.SHA256);
        using X509Certificate2 certificate = request.CreateSelfSigned(new DateTimeOffset(2020, 1, 1, 0, 0, 0, TimeSpan.Zero), new DateTimeOffset(2120, 1, 1, 0, 0, 0, TimeSpan.Zero));
        File.WriteAllText(CertificatePath, certificate.ExportCertificatePem());
        File.WriteAllText(KeyPath, key.ExportPkcs8PrivateKeyPem());
        File.SetLastWriteTimeUtc(CertificatePath, written);
        File.SetLastWriteTimeUtc(KeyPath, written);
        return certificate.Thumbprint;
    }
}
