using System.Runtime.CompilerServices;
using Punchline.Quic.Crypto;
using Punchline.Quic.Paths;
using Punchline.Quic.Recovery;
using Punchline.Quic.Streams;
using Punchline.Quic.Tls;
using Punchline.Quic.Wire;
using Punchline.Testing;

namespace Punchline.Quic.Tests.Simulation;

/// <summary>
/// The inside of a connection, for tests that must aim: its parts, and packets that are authentic although no connection
/// of ours would send them.
/// </summary>
internal static class Inside
{
    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_oneRtt")]
    internal static extern ref OneRttKeys? Keys(this QuicConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_paths")]
    internal static extern ref PathSet Paths(this QuicConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_peerIds")]
    internal static extern ref PeerConnectionIds PeerIds(this QuicConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_puncher")]
    internal static extern ref Puncher Puncher(this QuicConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_standby")]
    internal static extern ref StandbyKeeper Standby(this QuicConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_ids")]
    internal static extern ref IConnectionIdTable IdTable(this QuicConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_firstLocalId")]
    internal static extern ref readonly ConnectionId FirstLocalId(this QuicConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_handshakeDestination")]
    internal static extern ref readonly ConnectionId HandshakeDestination(this QuicConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_read")]
    internal static extern ref ulong ReadUpTo(this CryptoReceiveBuffer buffer);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_limits")]
    internal static extern ref AeadLimits Limits(this OneRttKeys keys);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_acked")]
    internal static extern ref bool IsAcknowledged(this OneRttKeys keys);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_lowestSealed")]
    internal static extern ref ulong LowestSealed(this OneRttKeys keys);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_spaces")]
    internal static extern ref PacketSpace[] Spaces(this QuicConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_loss")]
    internal static extern ref LossDetector Loss(this QuicConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_spaces")]
    internal static extern ref RecoverySpace[] Spaces(this LossDetector loss);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_streams")]
    internal static extern ref StreamSet Streams(this QuicConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_peer")]
    internal static extern ref TransportParameters? PeerParameters(this QuicConnection connection);

    /// <summary>The secrets that TLS made of the handshake for the application.</summary>
    internal static TrafficSecrets ApplicationSecrets(this QuicConnection connection) => Secrets(Context(Tls(connection)))!;

    /// <summary>The secret of which the keys of tickets are made.</summary>
    internal static byte[] ResumptionSecret(this QuicConnection connection) => Resumption(Context(Tls(connection)));

    /// <summary>Application packets that the connection still remembers, from the oldest that is open on.</summary>
    internal static int TrackedPackets(this QuicConnection connection) =>
        connection.Loss().Spaces()[(int)PacketNumberSpace.Application].Sent.Span;

    /// <summary>Takes all ids that no path uses yet, as so many paths would.</summary>
    /// <returns>How many there were.</returns>
    internal static int TakeFreeIds(this QuicConnection connection)
    {
        int taken = 0;
        while (connection.PeerIds().TryGetFor(NoPath(connection), out _))
            taken++;
        return taken;
    }

    /// <summary>A path that belongs to no connection.</summary>
    internal static PathState NoPath(QuicConnection connection) => new(connection.CurrentPath, PathStage.Opening, MtuDiscovery.BaseSize);

    /// <summary>
    /// Sends frames of the test's making in a packet of the connection's own: sealed with its keys, under its next number,
    /// and remembered as sent, so that its acknowledgement is in order.
    /// </summary>
    /// <param name="scene">The scene.</param>
    /// <param name="fromClient">Whose packet it is.</param>
    /// <param name="frames">The frames.</param>
    /// <param name="source">Whence it comes; null for the address of the path in use.</param>
    /// <param name="reservedBits">What is set in the first byte beside what belongs there.</param>
    /// <returns>The length of the datagram.</returns>
    internal static int Say(this Scene scene, bool fromClient, ReadOnlySpan<byte> frames, UdpAddress? source = null, byte reservedBits = 0) =>
        scene.Network.Say(fromClient ? scene.Client : scene.Host, fromClient ? scene.Connection : scene.HostConnection, frames, source, reservedBits);

    /// <summary>The same for a connection of any peer.</summary>
    internal static int Say(
        this SimulatedNetwork network, SimulatedPeer peer, QuicConnection connection, ReadOnlySpan<byte> frames, UdpAddress? source = null, byte reservedBits = 0)
    {
        PathState path = connection.Paths().Current;
        PacketSpace space = connection.Spaces()[(int)PacketNumberSpace.Application];
        OneRttKeys keys = connection.Keys()!;
        Xunit.Assert.True(connection.PeerIds().TryGetFor(path, out ConnectionId destination));
        byte[] packet = Packets.Short(keys, destination, space.NextNumber, frames, reservedBits);
        connection.RememberAsSent(space.NextNumber++, packet.Length, network.Now);
        var way = (SimulatedPath)path.Network;
        network.Send(peer, source ?? way.LocalAddress, way.RemoteAddress, packet);
        return packet.Length;
    }

    /// <summary>
    /// A 0-RTT packet of the test's making, under the connection's keys and next number, for the id that its first packets go to.
    /// </summary>
    internal static byte[] SealEarly(this QuicConnection connection, ReadOnlySpan<byte> frames)
    {
        PacketSpace space = connection.Spaces()[(int)PacketNumberSpace.Application];
        ulong number = space.NextNumber + 10; // beyond what the connection sends by itself meanwhile
        return Packets.Long(PacketType.ZeroRtt, EarlyKeys(connection)!, connection.OriginalDestination, connection.FirstLocalId(), number, frames);
    }

    /// <summary>A packet of the test's making counts as sent on the path in use, so that its acknowledgement is in order.</summary>
    internal static void RememberAsSent(this QuicConnection connection, ulong number, int length, Instant now) =>
        connection.Loss().OnPacketSent(PacketNumberSpace.Application, number, now, length, connection.Paths().Current.Recovery,
            SentPacketFlags.AckEliciting | SentPacketFlags.InFlight, [new SentFrame(SentFrameKind.Ping, 0, 0, 0, false)]);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_earlyKeys")]
    private static extern ref LevelKeys? EarlyKeys(QuicConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_tls")]
    private static extern ref TlsSession Tls(QuicConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_context")]
    private static extern ref HandshakeContext Context(TlsSession session);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_applicationSecrets")]
    private static extern ref TrafficSecrets? Secrets(HandshakeContext context);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_resumptionSecret")]
    private static extern ref byte[] Resumption(HandshakeContext context);
}
