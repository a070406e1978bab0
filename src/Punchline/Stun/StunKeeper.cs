using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.Stun;

/// <summary>
/// Keeps a socket's mapping towards one server alive and known: asks at the start and then at an interval, one transaction
/// after the other, for as long as it is driven.
/// </summary>
internal sealed class StunKeeper : IDatagramClient
{
    /// <summary>
    /// Keep-alives that find most mappings still there: common idle timeouts begin at 30 s, and RFC 4787 section 4.3 wants
    /// two minutes. Traffic to the server's port refreshes the mapping only of NATs that map independently of the endpoint.
    /// </summary>
    public static readonly TimeSpan DefaultInterval = TimeSpan.FromSeconds(20);

    private readonly IRandomness _randomness;
    private readonly Func<TimeSpan> _interval;
    private StunBinding? _binding;
    private Instant _nextStart = Instant.Zero;
    private bool _hasChange;

    /// <summary>Prepares a keeper; it asks with the first <see cref="TryTransmit"/>.</summary>
    /// <param name="server">Whom to ask.</param>
    /// <param name="randomness">For transaction ids.</param>
    /// <param name="interval">
    /// From the start of one transaction to the start of the next, longer if that one is still waiting for its answer: asked at each start, more
    /// than zero.
    /// </param>
    public StunKeeper(in UdpAddress server, IRandomness randomness, Func<TimeSpan> interval)
    {
        Server = server;
        _randomness = randomness;
        _interval = interval;
    }

    /// <inheritdoc/>
    public UdpAddress Server { get; }

    /// <summary>Our address as the server saw it last; none until it has answered once.</summary>
    public UdpAddress Mapped { get; private set; }

    /// <inheritdoc/>
    public Instant NextTimeout => _binding?.NextTimeout ?? _nextStart;

    /// <summary>Takes the news, if there is any: the first mapped address, and then each other one.</summary>
    /// <param name="mapped">The newest; changes in between are not told.</param>
    public bool TryTakeChange(out UdpAddress mapped)
    {
        mapped = Mapped;
        bool had = _hasChange;
        _hasChange = false;
        return had;
    }

    /// <summary>Asks at once, with a new transaction: the network has changed, or the machine slept.</summary>
    public void AskNow()
    {
        _binding = null;
        _nextStart = Instant.Zero;
    }

    /// <inheritdoc/>
    public bool TryTransmit(Instant now, Span<byte> buffer, out int length)
    {
        if (_binding is not null)
        {
            if (_binding.TryTransmit(now, buffer, out length))
                return true;
            TakeOutcome();
        }
        length = 0;
        if (_binding is not null || now < _nextStart)
            return false;
        _nextStart = now + _interval();
        _binding = new StunBinding(Server, _randomness);
        return _binding.TryTransmit(now, buffer, out length);
    }

    /// <inheritdoc/>
    public bool TryReceive(Instant now, in UdpAddress from, ReadOnlySpan<byte> datagram)
    {
        if (_binding is null || !_binding.TryReceive(now, from, datagram))
            return false;
        TakeOutcome();
        return true;
    }

    private void TakeOutcome()
    {
        if (_binding is not { State: not StunBindingState.Pending } ended)
            return;
        _binding = null;
        if (ended.State != StunBindingState.Succeeded || ended.Result.Mapped == Mapped)
            return;
        Mapped = ended.Result.Mapped;
        _hasChange = true;
    }
}
