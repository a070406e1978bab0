using Punchline.Quic.Tls;
using Xunit;

namespace Punchline.Quic.Tests.Tls;

/// <summary>What the TLS tests share: looking at errors, and small changes to messages.</summary>
internal static class TlsAssert
{
    public static byte[] StartAndTakeHello(TlsSession client)
    {
        Assert.Null(client.Start());
        Assert.True(client.TryTakeEvent(out var hello));
        Assert.Equal(TlsEventKind.Send, hello.Kind);
        return hello.Bytes.ToArray();
    }

    public static byte[] Flip(byte[] message, int position, byte mask = 1)
    {
        byte[] changed = [.. message];
        changed[position] ^= mask;
        return changed;
    }

    public static void AssertAlert(TlsAlert alert, QuicError? error)
    {
        Assert.NotNull(error);
        Assert.False(error.IsApplication);
        Assert.False(error.IsRemote);
        Assert.Equal((ulong)TransportErrorCode.CryptoErrorBase + (byte)alert, error.Code);
        Assert.NotEqual("", error.Reason);
    }

    public static void AssertCode(TransportErrorCode code, QuicError? error)
    {
        Assert.NotNull(error);
        Assert.Equal((ulong)code, error.Code);
    }
}
