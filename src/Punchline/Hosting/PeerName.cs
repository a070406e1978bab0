namespace Punchline.Hosting;

/// <summary>Peer ids as people see them.</summary>
internal static class PeerName
{
    /// <summary>Enough to tell friends apart; whoever must be sure compares the whole id.</summary>
    private const int Bytes = 4;

    /// <summary>The first eight hexadecimal digits.</summary>
    public static string Of(ReadOnlySpan<byte> peerId) => peerId.IsEmpty ? "a stranger" : Convert.ToHexStringLower(peerId[..Bytes]);
}
