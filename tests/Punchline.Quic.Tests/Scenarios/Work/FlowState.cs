namespace Punchline.Quic.Tests.Scenarios;

/// <summary>How one end of one direction of a stream has ended.</summary>
internal enum FlowEnd : byte
{
    /// <summary>Not yet.</summary>
    Open,

    /// <summary>All bytes and the end: written, or read.</summary>
    Finished,

    /// <summary>By RESET_STREAM.</summary>
    Reset,

    /// <summary>By STOP_SENDING.</summary>
    Stopped,
}

/// <summary>
/// One direction of one stream, as both ends see it: what is to be sent, how far each of them is, and how each ended. Its bytes
/// follow from what it is and where they stand, so that one that is lost, doubled, altered or out of place shows.
/// </summary>
internal sealed class FlowState(Flow flow, ulong key, ulong code, string name)
{
    internal Flow Flow => flow;

    /// <summary>The application error code of its reset and its stop.</summary>
    internal ulong Code => code;

    internal string Name => name;

    internal int Written { get; set; }

    internal int Read { get; set; }

    internal FlowEnd Sender { get; set; }

    internal FlowEnd Receiver { get; set; }

    internal bool IsWritePending { get; set; }

    internal bool IsReadPending { get; set; }

    internal bool IsOver => Sender != FlowEnd.Open && Receiver != FlowEnd.Open;

    /// <summary>The sender goes so far.</summary>
    internal int SendUpTo => flow.ResetAt >= 0 ? Math.Min(flow.ResetAt, flow.Bytes) : flow.Bytes;

    /// <summary>Writes the bytes that stand at an offset; the opener's first ones are a header.</summary>
    internal void Fill(Span<byte> bytes, int offset, ReadOnlySpan<byte> header)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            int position = offset + i;
            bytes[i] = position < header.Length ? header[position] : (byte)((((ulong)position + key) * 0x9E37_79B9_7F4A_7C15) >> 56);
        }
    }

    /// <summary>Takes bytes that were read, the header left out.</summary>
    internal void Check(ReadOnlySpan<byte> bytes)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            if (bytes[i] != (byte)((((ulong)(Read + i) + key) * 0x9E37_79B9_7F4A_7C15) >> 56))
                throw new ScenarioFailure("bytes", $"{name}: another byte at {Read + i}");
        }
        Read += bytes.Length;
        if (Read > Written)
            throw new ScenarioFailure("bytes", $"{name}: {Read} bytes read, {Written} written");
    }

    /// <summary>The receiver has seen how it ends; both ends must tell the same story.</summary>
    internal void EndReceiver(FlowEnd end, ulong resetCode)
    {
        Receiver = end;
        switch (end)
        {
            case FlowEnd.Finished when Sender != FlowEnd.Finished || Read != flow.Bytes:
                throw new ScenarioFailure("bytes", $"{name}: ended at {Read} of {flow.Bytes}, its sender {Sender}");
            case FlowEnd.Reset when Sender is not FlowEnd.Reset:
                throw new ScenarioFailure("stream end", $"{name}: reset, its sender {Sender}");
            case FlowEnd.Reset when resetCode != code:
                throw new ScenarioFailure("stream end", $"{name}: reset with {resetCode}, not {code}");
        }
    }

    /// <inheritdoc/>
    public override string ToString() => $"{name}: {flow}; {Written} written, sender {Sender}; {Read} read, receiver {Receiver}";
}

/// <summary>One stream of a piece of work.</summary>
/// <param name="up">From who opened it.</param>
/// <param name="down">To who opened it; null if it is unidirectional.</param>
/// <param name="answersAfterEnd">The answer waits for the end of the request.</param>
internal sealed class StreamWork(FlowState up, FlowState? down, bool answersAfterEnd)
{
    internal FlowState Up => up;

    internal FlowState? Down => down;

    internal bool AnswersAfterEnd => answersAfterEnd;

    /// <summary>The first bytes of the request, by which the other side knows what it is.</summary>
    internal required byte[] Header { get; init; }

    internal bool IsOver => up.IsOver && down is not { IsOver: false };
}
