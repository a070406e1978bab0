using System.Runtime.CompilerServices;
using Punchline.Quic.Paths;
using Punchline.Quic.Recovery;
using Punchline.Quic.Streams;

namespace Punchline.Quic.Tests.Scenarios;

/// <summary>What the checks read inside a connection, and nothing that they change.</summary>
internal static class Internals
{
    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_paths")]
    internal static extern ref PathSet PathsOf(QuicConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_loss")]
    internal static extern ref LossDetector LossOf(QuicConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_streams")]
    internal static extern ref StreamSet StreamsOf(QuicConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_spaces")]
    internal static extern ref RecoverySpace[] SpacesOf(LossDetector loss);
}
