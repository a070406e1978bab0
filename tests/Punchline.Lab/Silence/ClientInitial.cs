using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Punchline.Lab.Silence;

/// <summary>
/// A client's first Initial packet as any watcher can open and remake it: its keys follow from its visible destination
/// connection id (RFC 9001 section 5.2). Written here once more, by the RFC, apart from what is tested.
/// <code>
///  1100rrpp | version (4) | length, dcid | length, scid | varint, token | varint length | number (1 to 4) | sealed frames, tag
/// </code>
/// </summary>
/// <param name="Destination">The destination connection id, from which the keys follow.</param>
/// <param name="Source">The source connection id.</param>
/// <param name="Token">The token.</param>
/// <param name="Frames">The frames, padding included.</param>
[SuppressMessage("Security", "CA5394", Justification = "Attacks follow from a seed")]
internal sealed record ClientInitial(byte[] Destination, byte[] Source, byte[] Token, byte[] Frames)
{
    private const int NumberLength = 4;
    private const int TagLength = 16;
    private const int SampleLength = 16;
    private const uint Number = 0;

    private static readonly byte[] Salt = Convert.FromHexString("38762cf7f55934b34d179ae6a4c80cadccbb7f0a");

    /// <summary>Opens the first packet of a datagram, if it is such an Initial.</summary>
    public static ClientInitial? Open(ReadOnlySpan<byte> datagram)
    {
        if (datagram.Length < 7 || (datagram[0] & 0xF0) != 0xC0 || BinaryPrimitives.ReadUInt32BigEndian(datagram[1..]) != 1)
            return null;
        var at = 5;
        var destination = Bytes(datagram, datagram[at++], ref at);
        var source = Bytes(datagram, datagram[at++], ref at);
        var token = Bytes(datagram, (int)Varint(datagram, ref at), ref at);
        var length = (int)Varint(datagram, ref at);
        var packet = datagram[..(at + length)].ToArray();
        var keys = Keys(destination);
        var mask = Mask(keys.Protection, packet.AsSpan(at + NumberLength, SampleLength));
        packet[0] ^= (byte)(mask[0] & 0x0F);
        var numberLength = (packet[0] & 3) + 1;
        uint number = 0;
        for (var i = 0; i < numberLength; i++)
            number = (number << 8) | (packet[at + i] ^= mask[1 + i]);
        var start = at + numberLength;
        var frames = new byte[packet.Length - start - TagLength];
        using var aes = new AesGcm(keys.Key, TagLength);
        try
        {
            aes.Decrypt(Nonce(keys.Iv, number), packet.AsSpan(start, frames.Length), packet.AsSpan(^TagLength..), frames, packet.AsSpan(0, start));
        }
        catch (AuthenticationTagMismatchException)
        {
            // A later Initial of the client's: its keys follow from an earlier connection id.
            return null;
        }

        return new ClientInitial(destination, source, token, frames);
    }

    /// <summary>The datagram, as large as it was.</summary>
    public byte[] Seal(uint version = 1)
    {
        List<byte> header = [0xC0 | (NumberLength - 1), .. BigEndian(version)];
        header.AddRange([(byte)Destination.Length, .. Destination, (byte)Source.Length, .. Source]);
        header.AddRange([.. Varint(Token.Length), .. Token, .. Varint(NumberLength + Frames.Length + TagLength), .. BigEndian(Number)]);
        var packet = new byte[header.Count + Frames.Length + TagLength];
        header.CopyTo(packet);
        var keys = Keys(Destination);
        using var aes = new AesGcm(keys.Key, TagLength);
        aes.Encrypt(
            Nonce(keys.Iv, Number), Frames, packet.AsSpan(header.Count, Frames.Length), packet.AsSpan(^TagLength..), packet.AsSpan(0, header.Count));
        var at = header.Count - NumberLength;
        var mask = Mask(keys.Protection, packet.AsSpan(header.Count, SampleLength));
        packet[0] ^= (byte)(mask[0] & 0x0F);
        for (var i = 0; i < NumberLength; i++)
            packet[at + i] ^= mask[1 + i];
        return packet;
    }

    private static (byte[] Key, byte[] Iv, byte[] Protection) Keys(byte[] destination)
    {
        var client = Expand(HKDF.Extract(HashAlgorithmName.SHA256, destination, Salt), "client in", 32);
        return (Expand(client, "quic key", 16), Expand(client, "quic iv", 12), Expand(client, "quic hp", 16));
    }

    /// <summary>HKDF-Expand-Label with an empty context (RFC 8446 section 7.1).</summary>
    private static byte[] Expand(byte[] secret, string label, byte length)
    {
        var name = Encoding.ASCII.GetBytes("tls13 " + label);
        return HKDF.Expand(HashAlgorithmName.SHA256, secret, length, [0, length, (byte)name.Length, .. name, 0]);
    }

    /// <summary>RFC 9001 section 5.4.3.</summary>
    [SuppressMessage("Security", "CA5358", Justification = "One block: the mode is what the RFC asks for")]
    private static byte[] Mask(byte[] key, ReadOnlySpan<byte> sample)
    {
        using var aes = Aes.Create();
        aes.Key = key;
        return aes.EncryptEcb(sample, PaddingMode.None);
    }

    private static byte[] Nonce(byte[] iv, uint number)
    {
        var nonce = (byte[])iv.Clone();
        BinaryPrimitives.WriteUInt32BigEndian(nonce.AsSpan(8), BinaryPrimitives.ReadUInt32BigEndian(nonce.AsSpan(8)) ^ number);
        return nonce;
    }

    private static byte[] Bytes(ReadOnlySpan<byte> datagram, int length, ref int at)
    {
        var bytes = datagram.Slice(at, length).ToArray();
        at += length;
        return bytes;
    }

    private static byte[] BigEndian(uint value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }

    /// <summary>RFC 9000 section 16; only lengths below 2^14 occur here.</summary>
    private static byte[] Varint(int value) => value < 64 ? [(byte)value] : [(byte)(0x40 | (value >> 8)), (byte)value];

    private static long Varint(ReadOnlySpan<byte> datagram, ref int at)
    {
        long value = datagram[at] & 0x3F;
        for (var more = (1 << (datagram[at++] >> 6)) - 1; more > 0; more--)
            value = (value << 8) | datagram[at++];
        return value;
    }
}
