using System.Globalization;

namespace Punchline.Quic.Tests.Scenarios;

/// <summary>One direction of a stream: what its sender sends, and how its receiver takes it.</summary>
/// <param name="Bytes">How many bytes, the opener's header included.</param>
/// <param name="ResetAt">The sender resets after so many; -1 for never.</param>
/// <param name="StopAt">The receiver asks to stop after it has read so many; -1 for never.</param>
/// <param name="ReadChunk">The receiver takes so many at a time; 0 takes all there is.</param>
/// <param name="ReadEvery">With a pause of so long in between.</param>
/// <param name="WriteChunk">The sender writes so many at a time; 0 writes all that is taken.</param>
/// <param name="WriteEvery">With a pause of so long in between.</param>
internal sealed record Flow(
    int Bytes, int ResetAt = -1, int StopAt = -1, int ReadChunk = 0, TimeSpan ReadEvery = default, int WriteChunk = 0, TimeSpan WriteEvery = default)
{
    /// <summary>Its sender ends only when it is told to stop: half of those whose receiver stops, so that a STOP_SENDING that is lost shows.</summary>
    internal bool IsEndless => StopAt >= 0 && ResetAt < 0 && Bytes % 2 == 0;

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Bytes}B{(ResetAt >= 0 ? $" reset at {ResetAt}" : "")}{(StopAt >= 0 ? $" stop at {StopAt}" : "")}{(ReadChunk > 0 ? $" read {ReadChunk} each {ReadEvery.TotalMilliseconds:0}ms" : "")}{(WriteChunk > 0 ? $" write {WriteChunk} each {WriteEvery.TotalMilliseconds:0}ms" : "")}");
}

/// <summary>A piece of work: equal streams, or DATAGRAM payloads.</summary>
/// <param name="FromClient">Who begins it.</param>
/// <param name="StartAt">When, from the moment that the beginner is established.</param>
/// <param name="Count">How many streams, or payloads.</param>
/// <param name="Up">What its beginner sends; of payloads the size and the pause between them.</param>
/// <param name="Down">What comes back; null for a unidirectional stream.</param>
/// <param name="AnswersAfterEnd">The answer begins only when the request has ended: a half-closed stream.</param>
/// <param name="IsDatagrams">Payloads of DATAGRAM frames, not streams.</param>
internal sealed record Work(bool FromClient, TimeSpan StartAt, int Count, Flow Up, Flow? Down, bool AnswersAfterEnd, bool IsDatagrams)
{
    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{(FromClient ? "client" : "host")} at {StartAt.TotalSeconds:0.000}s: {Count} {(IsDatagrams ? "payloads" : "streams")}, up {Up}{(Down is null ? "" : $", down {Down}")}{(AnswersAfterEnd ? ", answered after its end" : "")}");
}
