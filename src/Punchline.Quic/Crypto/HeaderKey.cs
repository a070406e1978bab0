using System.Security.Cryptography;
using Punchline.Quic.Wire;

namespace Punchline.Quic.Crypto;

/// <summary>
/// Header protection with AES-128 (RFC 9001 section 5.4): a mask, made from a sample of the ciphertext, hides the packet
/// number and some bits of the first byte. One block costs nearly all that a call costs, so masks are made for many packets at once.
/// </summary>
internal sealed class HeaderKey : IDisposable
{
    /// <summary>The ciphertext that goes into a mask, in bytes; also what a mask takes in <see cref="GetMasks"/>.</summary>
    public const int SampleLength = 16;

    /// <summary>The bytes of a mask that are used: one for the first byte, four for the packet number.</summary>
    public const int MaskLength = 1 + PacketNumberCodec.MaxLength;

    private const int KeyLength = 16;

    private readonly Aes _aes;
    private readonly ICryptoTransform _encryptor;
    private readonly byte[] _sample = new byte[SampleLength];
    private readonly byte[] _mask = new byte[SampleLength];

    private HeaderKey(ReadOnlySpan<byte> key)
    {
        _aes = Aes.Create();
        _aes.SetKey(key);
        _aes.Mode = CipherMode.ECB;
        _aes.Padding = PaddingMode.None;
        _encryptor = _aes.CreateEncryptor();
    }

    /// <summary>The header protection key of a traffic secret; it stays the same through key updates (RFC 9001 section 5.4).</summary>
    public static HeaderKey FromSecret(ReadOnlySpan<byte> trafficSecret)
    {
        Span<byte> key = stackalloc byte[KeyLength];
        QuicKeyDerivation.ExpandLabel(trafficSecret, "quic hp"u8, key);
        var header = new HeaderKey(key);
        CryptographicOperations.ZeroMemory(key);
        return header;
    }

    /// <summary>The sample of a packet: as if its number had four bytes (RFC 9001 section 5.4.2).</summary>
    /// <returns>False if the packet is too short for a sample: it must be discarded.</returns>
    public static bool TryGetSample(ReadOnlySpan<byte> packet, int packetNumberOffset, out ReadOnlySpan<byte> sample)
    {
        int start = packetNumberOffset + PacketNumberCodec.MaxLength;
        if (packet.Length - start < SampleLength)
        {
            sample = default;
            return false;
        }
        sample = packet.Slice(start, SampleLength);
        return true;
    }

    /// <summary>Masks for many packets in one call.</summary>
    /// <param name="samples">16 bytes for each packet.</param>
    /// <param name="count">How many packets.</param>
    /// <param name="masks">16 bytes for each packet, of which 5 are used; not the same array.</param>
    public void GetMasks(byte[] samples, int count, byte[] masks)
    {
        if (count > 0)
            _encryptor.TransformBlock(samples, 0, count * SampleLength, masks, 0);
    }

    /// <summary>Hides a header whose packet number length is known.</summary>
    public static void Apply(Span<byte> packet, int packetNumberOffset, int packetNumberLength, ReadOnlySpan<byte> mask5)
    {
        packet[0] ^= (byte)(mask5[0] & FirstByte.ProtectedMask(packet[0]));
        MaskNumber(packet.Slice(packetNumberOffset, packetNumberLength), mask5);
    }

    /// <summary>Uncovers a header and returns the length of its packet number.</summary>
    public static int Remove(Span<byte> packet, int packetNumberOffset, ReadOnlySpan<byte> mask5)
    {
        packet[0] ^= (byte)(mask5[0] & FirstByte.ProtectedMask(packet[0]));
        int length = FirstByte.PacketNumberLength(packet[0]);
        MaskNumber(packet.Slice(packetNumberOffset, length), mask5);
        return length;
    }

    /// <summary>Hides the header of one sealed packet. A packet without a full sample is a programming error.</summary>
    public void Protect(Span<byte> packet, int pnOffset, int pnLength)
    {
        if (!TryGetMask(packet, pnOffset))
            throw new InvalidOperationException("A packet must be padded until it has a sample.");
        Apply(packet, pnOffset, pnLength, _mask);
    }

    /// <summary>Uncovers the header of one packet.</summary>
    /// <returns>False if the packet is too short; then it is unchanged.</returns>
    public bool TryUnprotect(Span<byte> packet, int pnOffset, out int pnLength)
    {
        pnLength = 0;
        if (!TryGetMask(packet, pnOffset))
            return false;
        pnLength = Remove(packet, pnOffset, _mask);
        return true;
    }

    public void Dispose()
    {
        _encryptor.Dispose();
        _aes.Dispose();
    }

    private static void MaskNumber(Span<byte> number, ReadOnlySpan<byte> mask5)
    {
        for (int i = 0; i < number.Length; i++)
            number[i] ^= mask5[1 + i];
    }

    private bool TryGetMask(ReadOnlySpan<byte> packet, int pnOffset)
    {
        if (!TryGetSample(packet, pnOffset, out ReadOnlySpan<byte> sample))
            return false;
        sample.CopyTo(_sample);
        GetMasks(_sample, 1, _mask);
        return true;
    }
}
