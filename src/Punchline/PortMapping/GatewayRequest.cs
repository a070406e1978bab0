using System.Diagnostics.CodeAnalysis;
using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.PortMapping;

/// <summary>Reads an answer; false for whatever is none to this request.</summary>
internal delegate bool AnswerReader<T>(ReadOnlySpan<byte> datagram, [NotNullWhen(true)] out T? answer);

/// <summary>One request to the router over UDP and its answer, without I/O: the same bytes again until it answers or is given up.</summary>
/// <param name="server">Where it is sent.</param>
/// <param name="request">What is sent.</param>
/// <param name="read">Knows the answer.</param>
/// <param name="isGateway">Whose answer counts; null: only that of <paramref name="server"/>, address and port (RFC 6886 section 3.1, RFC 6887 section 8.3).</param>
internal sealed class GatewayRequest<T>(UdpAddress server, byte[] request, AnswerReader<T> read, Func<UdpAddress, bool>? isGateway = null) : IDatagramClient
{
    private int _transmissions;
    private T? _answer;

    /// <inheritdoc/>
    public UdpAddress Server => server;

    /// <inheritdoc/>
    public Instant NextTimeout { get; private set; } = Instant.Zero;

    /// <summary>It was answered.</summary>
    public bool IsAnswered { get; private set; }

    /// <summary>It was answered or given up.</summary>
    public bool IsDone => !NextTimeout.IsSet;

    /// <summary>When the answer came.</summary>
    public Instant AnsweredAt { get; private set; }

    /// <summary>The answer.</summary>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    public T Answer => IsAnswered ? _answer! : throw new InvalidOperationException("There is no answer.");

    /// <inheritdoc/>
    public bool TryTransmit(Instant now, Span<byte> buffer, out int length)
    {
        length = 0;
        if (now < NextTimeout)
            return false;
        if (_transmissions == MappingLimits.MaxTransmissions)
        {
            NextTimeout = Instant.Never;
            return false;
        }
        NextTimeout = now + (MappingLimits.FirstTimeout * (1 << _transmissions));
        _transmissions++;
        request.CopyTo(buffer);
        length = request.Length;
        return true;
    }

    /// <inheritdoc/>
    public bool TryReceive(Instant now, in UdpAddress from, ReadOnlySpan<byte> datagram)
    {
        if (IsDone || _transmissions == 0 || !(isGateway?.Invoke(from) ?? from == server) || !read(datagram, out _answer))
            return false;
        IsAnswered = true;
        AnsweredAt = now;
        NextTimeout = Instant.Never;
        return true;
    }
}
