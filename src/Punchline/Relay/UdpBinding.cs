using System.Buffers.Binary;
using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.Relay;

/// <summary>
/// Binds a socket's address to a handle at a server (docs/wire/relay.md): asks for a cookie at once, binds as soon as the control channel has
/// brought handle and key, then keeps the NAT's mapping alive and follows a changed address. One for each registration or pair.
/// <code>
///  Cookie ──COOKIE──▶ HaveCookie ──credentials──▶ Binding ──BOUND──▶ Bound ──15 s──▶ Binding …
///                                                   └── 3 without an answer ──▶ Cookie
/// </code>
/// </summary>
internal sealed class UdpBinding : IDatagramClient
{
    /// <summary>Under the shortest mapping lifetimes seen in the field but for a few (30 s), and the figure of RFC 8445 section 11.</summary>
    public static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan MaxDelay = TimeSpan.FromSeconds(4);
    private const int MaxBinds = 3;

    private readonly IRandomness _randomness;
    private readonly Func<TimeSpan>? _keepAlive;
    private readonly byte[] _cookie = new byte[RelayFrame.CookieLength];
    private readonly byte[] _key = new byte[RelayFrame.KeyLength];
    private Phase _phase;
    private ulong _echo;
    private ulong _handle;
    private ulong _sequence;
    private bool _hasCredentials;
    private int _binds;
    private TimeSpan _delay = FirstDelay;

    private enum Phase
    {
        Cookie,
        HaveCookie,
        Binding,
        Bound,
    }

    /// <param name="server">The server's UDP address.</param>
    /// <param name="randomness">For the echo.</param>
    /// <param name="now">The time: the first datagram is due at once.</param>
    /// <param name="keepAlive">How long a binding rests, asked anew each time; <see cref="KeepAlive"/> without.</param>
    public UdpBinding(UdpAddress server, IRandomness randomness, Instant now, Func<TimeSpan>? keepAlive = null)
    {
        Server = server;
        _randomness = randomness;
        _keepAlive = keepAlive;
        BeginCookie(now);
    }

    /// <inheritdoc/>
    public UdpAddress Server { get; }

    /// <inheritdoc/>
    public Instant NextTimeout { get; private set; }

    /// <summary>The server confirmed the binding, and no later BIND has failed.</summary>
    public bool IsBound { get; private set; }

    /// <summary>A BIND is on its way: relayed datagrams sent now follow it and are forwarded when it arrives.</summary>
    public bool CanRelay => IsBound || (_phase == Phase.Binding && _binds > 0);

    /// <summary>When the last confirmation came.</summary>
    public Instant BoundAt { get; private set; } = Instant.Zero;

    /// <summary>Our address as the server sees it; none before the first confirmation.</summary>
    public UdpAddress Observed { get; private set; }

    /// <summary>Hands in what REGISTERED or OPENED said. New ones replace the old.</summary>
    /// <param name="key">16 bytes.</param>
    public void SetCredentials(ulong handle, ReadOnlySpan<byte> key, Instant now)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, RelayFrame.KeyLength, nameof(key));
        _handle = handle;
        key.CopyTo(_key);
        _hasCredentials = true;
        _sequence = 0;
        IsBound = false;
        if (_phase != Phase.Cookie)
            BeginBinding(now);
    }

    /// <summary>The socket or the network changed: bind again now.</summary>
    public void Rebind(Instant now)
    {
        IsBound = false;
        BeginCookie(now);
    }

    /// <summary>Another socket takes over: binds from there now, and what is bound serves until then.</summary>
    public void TakeOver(Instant now) => BeginCookie(now);

    /// <summary>Nothing comes from the server although something should: asks now whether the binding stands, instead of at its next turn.</summary>
    public void Confirm(Instant now)
    {
        if (_phase == Phase.Bound)
            BeginBinding(now);
    }

    /// <summary>
    /// Somebody is about to send to us through the server: where the last confirmation is older than a mapping surely lives, asks whether the
    /// binding stands.
    /// </summary>
    public void ConfirmIfOld(Instant now)
    {
        if (now - BoundAt >= KeepAlive)
            Confirm(now);
    }

    /// <inheritdoc/>
    public bool TryTransmit(Instant now, Span<byte> buffer, out int length)
    {
        length = 0;
        if (now < NextTimeout)
            return false;
        if (_phase == Phase.Bound)
            BeginBinding(now);
        else if (_phase == Phase.Binding && _binds >= MaxBinds)
            Rebind(now);
        switch (_phase)
        {
            case Phase.Cookie:
                length = RelayFrame.WriteCookieRequest(buffer, _echo);
                break;
            case Phase.Binding:
                _binds++;
                length = RelayFrame.WriteBind(buffer, new BindFrame(_handle, ++_sequence), _cookie, _key);
                break;
            default:
                NextTimeout = Instant.Never;
                return false;
        }
        NextTimeout = now + _delay;
        _delay = _delay + _delay < MaxDelay ? _delay + _delay : MaxDelay;
        return true;
    }

    /// <inheritdoc/>
    public bool TryReceive(Instant now, in UdpAddress from, ReadOnlySpan<byte> datagram)
    {
        if (from != Server)
            return false;
        if (RelayFrame.TryReadCookie(datagram, out ulong echo, out ReadOnlySpan<byte> cookie))
            return OnCookie(now, echo, cookie);
        if (!RelayFrame.TryReadBound(datagram, out BoundFrame bound) || !_hasCredentials || bound.Handle != _handle)
            return false;
        if (_phase == Phase.Binding && bound.Sequence == _sequence)
        {
            _phase = Phase.Bound;
            IsBound = true;
            Observed = bound.Observed;
            BoundAt = now;
            NextTimeout = now + (_keepAlive?.Invoke() ?? KeepAlive);
        }
        return true;
    }

    private bool OnCookie(Instant now, ulong echo, ReadOnlySpan<byte> cookie)
    {
        bool asked = _phase == Phase.Cookie && echo == _echo;
        bool renewed = _phase == Phase.Binding && echo == _sequence && _binds > 0;
        if (!asked && !renewed)
            return false;
        cookie.CopyTo(_cookie);
        if (asked && _hasCredentials)
        {
            BeginBinding(now);
        }
        else if (asked)
        {
            _phase = Phase.HaveCookie;
            NextTimeout = Instant.Never;
        }
        else if (_binds < MaxBinds)
        {
            // At once, as the cookie is fresh; but a server that never takes its own cookies must not make us spin.
            NextTimeout = now;
        }
        return true;
    }

    private void BeginCookie(Instant now)
    {
        _phase = Phase.Cookie;
        _delay = FirstDelay;
        Span<byte> echo = stackalloc byte[8];
        _randomness.FillPublic(echo);
        _echo = BinaryPrimitives.ReadUInt64BigEndian(echo);
        NextTimeout = now;
    }

    private void BeginBinding(Instant now)
    {
        _phase = Phase.Binding;
        _binds = 0;
        _delay = FirstDelay;
        NextTimeout = now;
    }
}
