using Punchline.Fuzz.Connections;
using Punchline.Quic;
using Punchline.Quic.Tls;
using Punchline.Testing;

namespace Punchline.Fuzz.Targets;

/// <summary>The body of one TLS message (RFC 9846 section 4), its type in the first byte. What is read is written again where we have a writer.</summary>
internal sealed class TlsMessageTarget : IFuzzTarget
{
    private static readonly byte[] Protocol = "punchline/1"u8.ToArray();

    public string Name => "tls-message";

    public string Reads => "the bodies of TLS messages";

    public int MaxLength => 2048;

    public AllocationBound Allocation => new(8192, 32);

    public int TestRuns => 40_000;

    public IEnumerable<byte[]> Seeds()
    {
        // The messages of a whole handshake, without their lengths.
        foreach (byte[] message in RecordedHandshake.Instance.Messages)
            yield return [message[0], .. message.AsSpan(4)];
        yield return [(byte)HandshakeType.ServerHello, .. ServerHello.WriteRetry(P256KeyExchange.Secp256r1).AsSpan(4)];
        // A ClientHello that offers to resume, with 0-RTT.
        yield return [(byte)HandshakeType.ClientHello, .. ResumingHello().AsSpan(4)];
        yield return [(byte)HandshakeType.NewSessionTicket, 0, 0, 0x1c, 0x20, 1, 2, 3, 4, 2, 0, 1, 0, 3, 9, 9, 9, 0, 8, 0, 42, 0, 4, 0xff, 0xff, 0xff, 0xff];
    }

    public void Run(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
            return;
        ReadOnlySpan<byte> body = input[1..];
        switch ((HandshakeType)input[0])
        {
            case HandshakeType.ClientHello:
                ReadClientHello(body);
                break;
            case HandshakeType.ServerHello:
                ReadServerHello(body);
                break;
            case HandshakeType.NewSessionTicket:
                ReadSessionTicket(body);
                break;
            case HandshakeType.EncryptedExtensions:
                ReadEncryptedExtensions(body);
                break;
            case HandshakeType.Certificate:
                ReadCertificate(body);
                break;
            case HandshakeType.CertificateRequest:
                CertificateRequest.Read(body, out _);
                break;
            case HandshakeType.CertificateVerify:
                ReadCertificateVerify(body);
                break;
        }
    }

    private static byte[] ResumingHello()
    {
        var randomness = new SeededRandomness(1);
        var session = new ResumableSession
        {
            Lifetime = TimeSpan.FromDays(1),
            AgeAdd = 1,
            AllowsEarlyData = true,
            PreSharedKey = new byte[TlsCodes.HashLength],
            PeerId = new byte[PeerIdentity.IdLength],
            ApplicationProtocol = "punchline/1",
            Ticket = new byte[100],
        };
        using var client = new TlsSession(new TlsOptions
        {
            IsClient = true,
            Randomness = randomness,
            KeyExchanges = [new P256KeyExchange(randomness)],
            ApplicationProtocol = "punchline/1",
            TransportParameters = new byte[] { 1, 2, 3 },
            Offer = new OfferedSession(session, () => TimeSpan.Zero, WithEarlyData: true),
        });
        client.Start();
        client.TryTakeEvent(out TlsEvent hello);
        return hello.Bytes.ToArray();
    }

    private static void ReadClientHello(ReadOnlySpan<byte> body)
    {
        if (!ClientHello.TryRead(body, out ClientHello hello, out QuicError? error))
        {
            Check.That(error is not null, "a refusal without an error");
            return;
        }
        Check.That(hello.Random.Length == TlsCodes.RandomLength && hello.HasTransportParameters && hello.HasKeyShares, "a ClientHello that lacks something");
        QuicError? shareError = hello.FindKeyShare(P256KeyExchange.Secp256r1, out ReadOnlySpan<byte> share);
        Check.That(shareError is null || share.IsEmpty || hello.KeyShares.IndexOf(share) >= 0, "a share from elsewhere");
        hello.FindProtocol(Protocol, out _);
        Check.That(!hello.HasPreSharedKey || (hello.OfferedKeys.BindersLength < body.Length && body[^hello.OfferedKeys.BindersLength..].IndexOf(hello.OfferedKeys.Binder) >= 0),
            "binders that are not the end of the hello");
        _ = hello.HasSingleKeyShare;
        Span<byte> one = stackalloc byte[TlsCodes.HashLength];
        Span<byte> two = stackalloc byte[TlsCodes.HashLength];
        ClientHello.HashInvariants(body, one);
        ClientHello.HashInvariants(body, two);
        Check.Same(one, two, "two hashes of one hello");
    }

    private static void ReadSessionTicket(ReadOnlySpan<byte> body)
    {
        if (!NewSessionTicket.TryRead(body, out NewSessionTicket ticket, out QuicError? error))
        {
            Check.That(error is not null, "a refusal without an error");
            return;
        }
        var writer = new TlsWriter();
        NewSessionTicket.Write(writer, new IssuedTicket(ticket.Ticket.ToArray(), ticket.LifetimeSeconds, ticket.AgeAdd), ticket.Nonce, ticket.AllowsEarlyData);
        Check.That(NewSessionTicket.TryRead(writer.Written[4..], out NewSessionTicket again, out _), "a ticket that we write is none");
        Check.That(again.AllowsEarlyData == ticket.AllowsEarlyData && again.LifetimeSeconds == ticket.LifetimeSeconds, "a ticket does not come back");
        Check.Same(ticket.Ticket, again.Ticket, "a ticket does not come back");
    }

    private static void ReadServerHello(ReadOnlySpan<byte> body)
    {
        if (!ServerHello.TryRead(body, out ServerHello hello, out QuicError? error))
        {
            Check.That(error is not null, "a refusal without an error");
            return;
        }
        if (hello.Group is not { } group)
            return;
        byte[] written = hello.IsHelloRetryRequest ? ServerHello.WriteRetry(group) : ServerHello.Write(body.Slice(2, TlsCodes.RandomLength), group, hello.KeyShare);
        Check.That(ServerHello.TryRead(written.AsSpan(4), out ServerHello again, out _), "a ServerHello that we write is none");
        Check.That(again.Group == group && again.IsHelloRetryRequest == hello.IsHelloRetryRequest, "a ServerHello does not come back");
        Check.Same(hello.KeyShare, again.KeyShare, "a key share does not come back");
    }

    private static void ReadEncryptedExtensions(ReadOnlySpan<byte> body)
    {
        if (!EncryptedExtensions.TryRead(body, Protocol, out EncryptedExtensions extensions, out QuicError? error))
        {
            Check.That(error is not null, "a refusal without an error");
            return;
        }
        var writer = new TlsWriter();
        EncryptedExtensions.Write(writer, extensions.ProtocolName, extensions.TransportParameters);
        Check.That(EncryptedExtensions.TryRead(writer.Written[4..], Protocol, out EncryptedExtensions again, out _), "EncryptedExtensions that we write are none");
        Check.Same(extensions.TransportParameters, again.TransportParameters, "transport parameters do not come back");
    }

    private static void ReadCertificate(ReadOnlySpan<byte> body)
    {
        if (CertificateMessage.Read(body, out ReadOnlySpan<byte> certificate) is not null)
            return;
        var writer = new TlsWriter();
        CertificateMessage.Write(writer, certificate);
        Check.Same(body, writer.Written[4..], "a Certificate does not come back");
    }

    private static void ReadCertificateVerify(ReadOnlySpan<byte> body)
    {
        if (CertificateVerify.Read(body, out ReadOnlySpan<byte> signature) is not null)
            return;
        var writer = new TlsWriter();
        CertificateVerify.Write(writer, signature);
        Check.Same(body, writer.Written[4..], "a CertificateVerify does not come back");
    }
}
