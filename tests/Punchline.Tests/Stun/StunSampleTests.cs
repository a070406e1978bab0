using Punchline.Quic;
using Punchline.Stun;
using Punchline.Tests.Udp;
using Xunit;

namespace Punchline.Tests.Stun;

/// <summary>The samples of docs/wire/stun.md, made by another implementation.</summary>
public sealed class StunSampleTests
{
    private const string Request = "000100182112a4420102030405060708090a0b0c8022000950756e63686c696e65000000802800043ff215d0";

    private const string Response =
        "0101002c2112a4420102030405060708090a0b0c00200008000131f3e721c056"
        + "802c000800010d97c0000202802b000800010d96c000020180280004ce208e3c";

    [Fact]
    public void Request_and_response_are_as_documented()
    {
        byte[] buffer = new byte[StunMessage.MaxLength];
        UdpAddress server = UdpTestPlatforms.Address("192.0.2.1", 3478);
        var binding = new StunBinding(server, new OneToTwelve());
        Assert.True(binding.TryTransmit(Instant.Zero, buffer, out int length));
        Assert.Equal(Request, Convert.ToHexStringLower(buffer.AsSpan(0, length)));

        var addresses = new StunServerAddresses(server, 3479, UdpTestPlatforms.Address("192.0.2.2"));
        UdpAddress source = UdpTestPlatforms.Address("198.51.100.20", 4321);
        Assert.True(StunResponder.TryRespond(Convert.FromHexString(Request), source, addresses, buffer, out StunReply reply));
        Assert.Equal(Response, Convert.ToHexStringLower(buffer.AsSpan(0, reply.Length)));
        Assert.True(binding.TryReceive(Instant.Zero, server, Convert.FromHexString(Response)));
        Assert.Equal(source, binding.Result.Mapped);
    }

    /// <summary>The bytes 1 to 12, as in the documented transaction id.</summary>
    private sealed class OneToTwelve : IRandomness
    {
        public void FillPublic(Span<byte> destination)
        {
            for (int i = 0; i < destination.Length; i++)
                destination[i] = (byte)(i + 1);
        }

        public void FillSecret(Span<byte> destination) => throw new InvalidOperationException("STUN has no secrets.");
    }
}
