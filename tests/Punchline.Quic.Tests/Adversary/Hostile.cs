using System.Runtime.CompilerServices;
using Punchline.Quic.Crypto;
using Punchline.Quic.Tests.Simulation;
using Punchline.Quic.Wire;
using Punchline.Testing;

namespace Punchline.Quic.Tests.Adversary;

/// <summary>
/// A peer who has gone through the handshake as everybody does, and from then on sends what it likes under valid keys. Its
/// own connection lends the keys; <see cref="Mute"/> takes that connection out, so that it does not answer for itself.
/// </summary>
internal sealed class Hostile(Scene scene, bool isClient)
{
    private AeadKey? _key;
    private byte[]? _secret;
    private bool _phase;

    /// <summary>The hostile connection.</summary>
    internal QuicConnection Own => isClient ? scene.Connection : scene.HostConnection;

    /// <summary>The one that is to withstand.</summary>
    internal QuicConnection Victim { get; } = isClient ? scene.HostConnection : scene.Connection;

    /// <summary>What the victim's application heard.</summary>
    internal TransferApplication VictimApplication => isClient ? scene.HostApplication : scene.ClientApplication;

    internal SimulatedPeer VictimPeer => isClient ? scene.Host : scene.Client;

    internal Scene Scene => scene;

    internal bool IsClient => isClient;

    /// <summary>The hostile peer's address, and the victim's.</summary>
    internal UdpAddress OwnAddress => ((SimulatedPath)Own.CurrentPath).LocalAddress;

    internal UdpAddress VictimAddress => ((SimulatedPath)Own.CurrentPath).RemoteAddress;

    /// <summary>The number of the next packet of the hostile connection.</summary>
    internal ulong NextNumber
    {
        get => Space(Own, PacketNumberSpace.Application).NextNumber;
        set => Space(Own, PacketNumberSpace.Application).NextNumber = value;
    }

    /// <summary>The number of the victim's next packet: what a hostile peer can know from what it received.</summary>
    internal ulong VictimsNextNumber => Space(Victim, PacketNumberSpace.Application).NextNumber;

    /// <summary>Where the victim's handshake bytes in 1-RTT packets stand.</summary>
    internal ulong CryptoOffset => Space(Victim, PacketNumberSpace.Application).CryptoIn.ReadUpTo();

    /// <summary>The sequence number that the victim will give its next connection id.</summary>
    internal ulong VictimsNextIdSequence => NextSequence(LocalIds(Victim));

    /// <summary>The connection id that hostile packets are sent to.</summary>
    internal ConnectionId Destination => Own.PeerIds().TryGetFor(Own.Paths().First, out ConnectionId id) ? id : default;

    /// <summary>The hostile peer's own connection neither hears nor says anything from now on.</summary>
    internal Hostile Mute()
    {
        (isClient ? scene.Client : scene.Host).IsDead = true;
        return this;
    }

    /// <summary>The victim leaves out no packet number, so that a peer may acknowledge all.</summary>
    internal Hostile WithoutSkips()
    {
        NextSkip(Victim) = ulong.MaxValue;
        return this;
    }

    /// <summary>The victim leaves out its next packet number.</summary>
    internal ulong SkipOne()
    {
        NextSkip(Victim) = 0;
        return VictimsNextNumber;
    }

    /// <summary>Updates the keys, as often as it likes.</summary>
    internal void UpdateKeys()
    {
        _secret ??= NextSecretOf(Own.Keys()!).ToArray();
        if (_key is not null)
            QuicKeyDerivation.NextSecret(_secret, _secret);
        _key = AeadKey.FromSecret(_secret);
        _phase = !_phase;
    }

    /// <summary>Sends a 1-RTT packet.</summary>
    /// <param name="frames">Its content.</param>
    /// <param name="number">Its packet number; null for the next one.</param>
    /// <param name="setBits">Bits of the first byte that are set besides.</param>
    /// <param name="source">Whence it comes; null for the address of the path in use.</param>
    /// <returns>Its length.</returns>
    internal int Say(ReadOnlySpan<byte> frames, ulong? number = null, byte setBits = 0, UdpAddress? source = null)
    {
        ulong n = number ?? NextNumber++;
        byte[] packet = Packets.Short(Own.Keys()!, Destination, n, frames, setBits, _key is null ? null : (_key, _phase));
        if (number is null)
            Own.RememberAsSent(n, packet.Length, scene.Network.Now);
        scene.Network.Inject(source ?? OwnAddress, VictimAddress, packet, TimeSpan.FromMilliseconds(1));
        return packet.Length;
    }

    /// <summary>Acknowledges every packet that the victim has sent: in order only where it leaves out no number.</summary>
    internal void AcknowledgeAll()
    {
        ulong largest = VictimsNextNumber - 1;
        Say(Raw.Ints(0x02, largest, 0, 0, largest));
    }

    /// <summary>Sends an Initial or Handshake packet, under the keys of the hostile connection.</summary>
    internal void SayAt(PacketNumberSpace level, ReadOnlySpan<byte> frames, byte setBits = 0)
    {
        PacketSpace space = Space(Own, level);
        LevelKeys keys = space.WriteKeys ?? throw new InvalidOperationException($"no {level} keys at this time");
        byte[] packet = Packets.Long(level == PacketNumberSpace.Initial ? PacketType.Initial : PacketType.Handshake, keys,
            Own.HandshakeDestination(), Own.FirstLocalId(), space.NextNumber++, frames, atLeast: 1200, setBits);
        scene.Network.Inject(OwnAddress, VictimAddress, packet, TimeSpan.FromMilliseconds(1));
    }

    /// <summary>True if the hostile connection could send at this level.</summary>
    internal static bool HasKeys(QuicConnection connection, PacketNumberSpace level) => Space(connection, level).WriteKeys is not null;

    private static PacketSpace Space(QuicConnection connection, PacketNumberSpace space) => connection.Spaces()[(int)space];

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_localIds")]
    private static extern ref LocalConnectionIds LocalIds(QuicConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_nextSequence")]
    private static extern ref ulong NextSequence(LocalConnectionIds ids);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_nextSkip")]
    private static extern ref ulong NextSkip(QuicConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_nextWriteSecret")]
    private static extern ref byte[] NextSecretOf(OneRttKeys keys);
}
