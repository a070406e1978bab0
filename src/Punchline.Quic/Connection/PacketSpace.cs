using Punchline.Quic.Crypto;
using Punchline.Quic.Recovery;
using Punchline.Quic.Streams;

namespace Punchline.Quic;

/// <summary>One packet number space: its numbers, its CRYPTO stream, and the keys of the handshake's two levels.</summary>
internal sealed class PacketSpace(PacketNumberSpace id, ChunkPool chunks) : IDisposable
{
    internal PacketNumberSpace Id { get; } = id;

    /// <summary>The number of the next packet that we send.</summary>
    internal ulong NextNumber { get; set; }

    internal ReceivedPackets Received { get; } = new();

    internal CryptoSendBuffer CryptoOut { get; } = new(chunks);

    internal CryptoReceiveBuffer CryptoIn { get; } = new();

    /// <summary>Frames of the packet that is being built.</summary>
    internal SentFrameList Building { get; } = new();

    /// <summary>Initial and Handshake only; the application's keys change their phase and live in the connection.</summary>
    internal LevelKeys? ReadKeys { get; private set; }

    /// <summary>As <see cref="ReadKeys"/>, for what we send.</summary>
    internal LevelKeys? WriteKeys { get; private set; }

    /// <summary>True once the keys were thrown away (RFC 9001 section 4.9): late packets are dropped.</summary>
    internal bool IsDiscarded { get; private set; }

    internal EncryptionLevel Level => Id switch
    {
        PacketNumberSpace.Initial => EncryptionLevel.Initial,
        PacketNumberSpace.Handshake => EncryptionLevel.Handshake,
        _ => EncryptionLevel.Application,
    };

    internal void Install(LevelKeys read, LevelKeys write)
    {
        DisposeKeys();
        ReadKeys = read;
        WriteKeys = write;
    }

    internal void Discard()
    {
        IsDiscarded = true;
        Dispose();
    }

    public void Dispose()
    {
        CryptoOut.Dispose();
        DisposeKeys();
    }

    private void DisposeKeys()
    {
        ReadKeys?.Dispose();
        WriteKeys?.Dispose();
        ReadKeys = null;
        WriteKeys = null;
    }
}
