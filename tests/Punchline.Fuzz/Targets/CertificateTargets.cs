using System.Formats.Asn1;
using Punchline.Quic;
using Punchline.Quic.Tls;
using Punchline.Testing;

namespace Punchline.Fuzz.Targets;

/// <summary>The certificate reader: what it finds, the base library's reader of ASN.1 must find at the same place.</summary>
internal sealed class CertificateTarget : IFuzzTarget
{
    public string Name => "certificate";

    public string Reads => "the DER of a certificate, down to the P-256 point";

    public int MaxLength => 1024;

    // The base library's reader, and the numbers of the curve's equation.
    public AllocationBound Allocation => new(16_384, 16);

    public int TestRuns => 20_000;

    public IEnumerable<byte[]> Seeds() => [SimulatedIdentities.Get("client").Certificate.ToArray()];

    public void Run(ReadOnlySpan<byte> input)
    {
        if (!CertificateReader.TryReadPublicKeyInfo(input, out ReadOnlySpan<byte> keyInfo))
        {
            Check.That(keyInfo.IsEmpty, "a key of no certificate");
            return;
        }
        byte[] expected = ByTheBaseLibrary(input.ToArray());
        Check.Same(expected, keyInfo, "the two readers find different keys");
        if (!P256Point.TryReadPublicKeyInfo(keyInfo, out ReadOnlySpan<byte> point))
            return;
        Check.That(P256Point.IsValid(point), "a point that is not on the curve");
        Check.Same(P256Point.ToPublicKeyInfo(point), keyInfo, "a key does not come back");
        Check.That(PeerIdentity.ComputeId(keyInfo).Length == 32, "the length of an id");
    }

    private static byte[] ByTheBaseLibrary(byte[] certificate)
    {
        AsnReader fields = new AsnReader(certificate, AsnEncodingRules.BER).ReadSequence().ReadSequence();
        if (fields.PeekTag().HasSameClassAndValue(new Asn1Tag(TagClass.ContextSpecific, 0)))
            fields.ReadEncodedValue();
        for (int i = 0; i < 5; i++) // serialNumber, signature, issuer, validity, subject
            fields.ReadEncodedValue();
        return fields.ReadEncodedValue().ToArray();
    }
}

/// <summary>An ECDSA signature in DER: what is read, written in DER by the base library, is the same bytes, for there is one encoding only.</summary>
internal sealed class SignatureTarget : IFuzzTarget
{
    public string Name => "signature";

    public string Reads => "the DER of an ECDSA signature";

    public int MaxLength => 128;

    public AllocationBound Allocation => new(4096, 16);

    public int TestRuns => 60_000;

    public IEnumerable<byte[]> Seeds() => [SimulatedIdentities.Get("client").Sign("seed"u8), [0x30, 6, 2, 1, 1, 2, 1, 0x7f]];

    public void Run(ReadOnlySpan<byte> input)
    {
        Span<byte> numbers = stackalloc byte[EcdsaSignature.FixedLength];
        if (!EcdsaSignature.TryRead(input, numbers))
            return;
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteIntegerUnsigned(Shortest(numbers[..32]));
            writer.WriteIntegerUnsigned(Shortest(numbers[32..]));
        }
        Check.Same(writer.Encode(), input, "a signature does not come back");
    }

    private static ReadOnlySpan<byte> Shortest(ReadOnlySpan<byte> number)
    {
        ReadOnlySpan<byte> shortest = number.TrimStart((byte)0);
        return shortest.IsEmpty ? number[^1..] : shortest;
    }
}
