using System.Threading.Channels;
using Punchline.PortMapping;
using Punchline.Quic;
using Punchline.Testing;
using Punchline.Tests.Udp;

namespace Punchline.Tests.PortMapping;

/// <summary>A protocol that answers what the test says.</summary>
internal sealed class FakeMapper(MappingProtocol protocol) : IMapper
{
    private readonly Channel<string> _log = Channel.CreateUnbounded<string>();
    private readonly TaskCompletionSource<bool> _found = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public static UdpAddress External { get; } = UdpTestPlatforms.Address("198.51.100.7", 40_000);

    public MappingProtocol Protocol => protocol;

    /// <summary>What the next requests come to; the last one again and again.</summary>
    public Queue<MappingReply> Replies { get; } = new();

    /// <summary>Requests so far.</summary>
    public int Requests { get; private set; }

    /// <summary>A request for a mapping is never answered.</summary>
    public bool IsDeaf { get; init; }

    /// <summary>Giving back is never answered.</summary>
    public bool IsDeafAtTheEnd { get; init; }

    public bool IsDisposed { get; private set; }

    public static FakeMapper Found(MappingProtocol protocol, params MappingReply[] replies)
    {
        var mapper = new FakeMapper(protocol);
        foreach (MappingReply reply in replies)
            mapper.Replies.Enqueue(reply);
        mapper.Answer(true);
        return mapper;
    }

    public static MappingReply Granted(MappingProtocol protocol, double seconds = 1200, ushort port = 40_000) =>
        new(MappingOutcome.Granted, new Mapping(protocol, External.WithPort(port), TimeSpan.FromSeconds(seconds)));

    /// <summary>What it was asked for next.</summary>
    public Task<string> LoggedAsync() => Hang.OrAsync(_log.Reader.ReadAsync(Xunit.TestContext.Current.CancellationToken).AsTask(), "a request to the router");

    /// <summary>The router answers the question whether it speaks the protocol, or does not.</summary>
    public void Answer(bool found) => _found.TrySetResult(found);

    public Task<bool> FindAsync(CancellationToken cancellationToken) => _found.Task.WaitAsync(cancellationToken);

    public async Task<MappingReply> MapAsync(CancellationToken cancellationToken)
    {
        Requests++;
        _log.Writer.TryWrite("map");
        if (IsDeaf)
            await Task.Delay(Timeout.Infinite, cancellationToken);
        return Replies.Count > 1 ? Replies.Dequeue() : Replies.Peek();
    }

    public async Task UnmapAsync(CancellationToken cancellationToken)
    {
        _log.Writer.TryWrite("unmap");
        if (IsDeafAtTheEnd)
            await Task.Delay(Timeout.Infinite, cancellationToken);
    }

    public void Dispose() => IsDisposed = true;
}
