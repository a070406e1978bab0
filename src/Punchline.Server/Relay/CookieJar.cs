using System.Buffers.Binary;
using System.Security.Cryptography;
using Punchline.Quic;
using Punchline.Relay;

namespace Punchline.Server.Relay;

/// <summary>Cookies that prove an address without any state: a MAC over it under a key of ours, good for one to two epochs.</summary>
internal sealed class CookieJar
{
    private readonly byte[] _key = new byte[32];

    public CookieJar(IRandomness randomness) => randomness.FillSecret(_key);

    /// <param name="cookie">Room for 16 bytes.</param>
    public void Bake(Instant now, in UdpAddress address, Span<byte> cookie) => Mac(Epoch(now), address, cookie);

    public bool IsValid(Instant now, in UdpAddress address, ReadOnlySpan<byte> cookie)
    {
        Span<byte> expected = stackalloc byte[RelayFrame.CookieLength];
        Mac(Epoch(now), address, expected);
        if (CryptographicOperations.FixedTimeEquals(expected, cookie))
            return true;
        Mac(Epoch(now) - 1, address, expected);
        return CryptographicOperations.FixedTimeEquals(expected, cookie);
    }

    private static long Epoch(Instant now) => now.Ticks / ServerLimits.CookieEpoch.Ticks;

    private void Mac(long epoch, in UdpAddress address, Span<byte> cookie)
    {
        Span<byte> input = stackalloc byte[8 + 1 + 16 + 2];
        input.Clear();
        BinaryPrimitives.WriteInt64BigEndian(input, epoch);
        input[8] = (byte)address.AddressLength;
        address.WriteAddress(input[9..]);
        BinaryPrimitives.WriteUInt16BigEndian(input[25..], address.Port);
        Span<byte> digest = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(_key, input, digest);
        digest[..RelayFrame.CookieLength].CopyTo(cookie);
    }
}
