using Punchline.Quic;
using Punchline.Udp;

namespace Punchline.Stun;

/// <summary>How far a transaction is.</summary>
internal enum StunBindingState : byte
{
    /// <summary>No answer yet.</summary>
    Pending,

    /// <summary>The server told the reflexive address.</summary>
    Succeeded,

    /// <summary>The server answered with an error, or with what must be understood and is not.</summary>
    Refused,

    /// <summary>No answer to any of the transmissions.</summary>
    TimedOut,
}

/// <summary>What a server said of us.</summary>
/// <param name="Mapped">Our address as the server sees it.</param>
/// <param name="RoundTripTime">Between request and response; null if it was sent more than once, as it is then not known which one was answered.</param>
/// <param name="ResponseOrigin">Where the server says it answered from; none if it does not.</param>
/// <param name="OtherAddress">The server's other address and port; none if it has none.</param>
internal readonly record struct StunBindingResult(
    UdpAddress Mapped, TimeSpan? RoundTripTime, UdpAddress ResponseOrigin, UdpAddress OtherAddress);

/// <summary>
/// One Binding transaction, the client's side (RFC 8489 sections 6.2.1, 6.3.3 and 6.3.4):
/// <code>
/// Pending ──response──▶ Succeeded
///    │  └──error─────▶ Refused
///    └──after the last transmission──▶ TimedOut
/// </code>
/// </summary>
internal sealed class StunBinding : IDatagramClient
{
    /// <summary>
    /// The wait after the first transmission. RFC 8489 asks for 500 ms or more where nothing is known of the path; here a request
    /// is one small datagram to one server, and an answer lost at the start would cost a punch that half second. QUIC's probe
    /// timeout doubles as well, so nobody is flooded.
    /// </summary>
    public static readonly TimeSpan InitialTimeout = TimeSpan.FromMilliseconds(250);

    /// <summary>Rc of RFC 8489 section 6.2.1: how often a request is sent at most.</summary>
    public const int MaxTransmissions = 7;

    /// <summary>Rm of RFC 8489 section 6.2.1: the wait after the last transmission, in initial timeouts.</summary>
    public const int LastTimeoutFactor = 16;

    /// <summary>Only the program's name. With FINGERPRINT it makes the request long enough for every attribute of the response.</summary>
    private static ReadOnlySpan<byte> Software => "Punchline"u8;

    private readonly StunTransactionId _id;
    private readonly StunChange _change;
    private readonly ushort _responsePort;
    private readonly TimeSpan _initialTimeout;
    private Instant _firstSent;
    private int _transmissions;

    /// <summary>Prepares a transaction; it starts with the first <see cref="TryTransmit"/>.</summary>
    /// <param name="server">Whom to ask.</param>
    /// <param name="randomness">For the transaction id.</param>
    /// <param name="change">From where else the response shall come: tells how the NAT filters.</param>
    /// <param name="initialTimeout">The wait after the first transmission; <see cref="InitialTimeout"/> unless something is known of the path.</param>
    /// <param name="responsePort">To which other port of ours, as the server sees us, the response shall come; 0 for the one that asked.</param>
    public StunBinding(
        in UdpAddress server, IRandomness randomness, StunChange change = StunChange.None, TimeSpan? initialTimeout = null, ushort responsePort = 0)
    {
        _responsePort = responsePort;
        Server = server;
        _id = StunTransactionId.Draw(randomness);
        _change = change;
        _initialTimeout = initialTimeout ?? InitialTimeout;
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(_initialTimeout, TimeSpan.Zero, nameof(initialTimeout));
    }

    /// <inheritdoc/>
    public UdpAddress Server { get; }

    /// <summary>How far it is.</summary>
    public StunBindingState State { get; private set; }

    /// <summary>What the server said, once <see cref="StunBindingState.Succeeded"/>.</summary>
    public StunBindingResult Result { get; private set; }

    /// <summary>The server's error, 300 to 699, once <see cref="StunBindingState.Refused"/>; 0 if it sent none.</summary>
    public int ErrorCode { get; private set; }

    /// <inheritdoc/>
    public Instant NextTimeout { get; private set; } = Instant.Zero;

    /// <inheritdoc/>
    public bool TryTransmit(Instant now, Span<byte> buffer, out int length)
    {
        length = 0;
        if (State != StunBindingState.Pending || now < NextTimeout)
            return false;
        if (_transmissions == MaxTransmissions)
        {
            End(StunBindingState.TimedOut);
            return false;
        }
        if (_transmissions == 0)
            _firstSent = now;
        // Waits of 1, 2, 4, 8, 16, 32 and, after the last transmission, 16 initial timeouts.
        int factor = _transmissions == MaxTransmissions - 1 ? LastTimeoutFactor : 1 << _transmissions;
        NextTimeout = now + (_initialTimeout * factor);
        _transmissions++;
        length = WriteRequest(buffer);
        return true;
    }

    /// <inheritdoc/>
    public bool TryReceive(Instant now, in UdpAddress from, ReadOnlySpan<byte> datagram)
    {
        if (State != StunBindingState.Pending || _transmissions == 0 || !IsExpectedSource(from)
            || !StunMessage.TryRead(datagram, out StunMessage response)
            || response.Method != StunMessage.Binding || response.TransactionId != _id
            || response.CheckFingerprint() == StunFingerprint.Invalid)
            return false;
        if (response.Class == StunClass.Success)
            return TrySucceed(now, response);
        if (response.Class != StunClass.Error || !response.TryFindErrorCode(out int code))
            return false;
        ErrorCode = code;
        End(StunBindingState.Refused);
        return true;
    }

    private bool TrySucceed(Instant now, in StunMessage response)
    {
        // RFC 8489 section 6.3.3: with an attribute that must be understood and is not, the transaction has failed.
        foreach (StunAttribute attribute in response)
        {
            if (attribute.Type.IsComprehensionRequired() && !IsKnown(attribute.Type))
            {
                End(StunBindingState.Refused);
                return true;
            }
        }
        if (!response.TryFindMappedAddress(out UdpAddress mapped) || !IsPlausible(mapped))
            return false;
        response.TryFindAddress(StunAttributeType.ResponseOrigin, out UdpAddress origin);
        response.TryFindAddress(StunAttributeType.OtherAddress, out UdpAddress other);
        Result = new StunBindingResult(mapped, _transmissions == 1 ? now - _firstSent : null, origin, other);
        End(StunBindingState.Succeeded);
        return true;
    }

    private void End(StunBindingState state)
    {
        State = state;
        NextTimeout = Instant.Never;
    }

    private int WriteRequest(Span<byte> buffer)
    {
        var writer = new StunWriter(buffer, StunClass.Request, StunMessage.Binding, _id);
        if (_change != StunChange.None)
            writer.AddChangeRequest(_change);
        if (_responsePort != 0)
            writer.AddResponsePort(_responsePort);
        writer.Add(StunAttributeType.Software, Software);
        writer.AddFingerprint();
        return writer.Length;
    }

    /// <summary>The server's address that was asked; where a change was asked for, the server's address after that change.</summary>
    private bool IsExpectedSource(in UdpAddress from)
    {
        bool sameHost = (_change & StunChange.Address) == StunChange.None;
        // To a NAT, the answer to another port is a flow of its own, which may get another source port on the inner side.
        if (_responsePort != 0)
            return from.SameHost(Server);
        bool samePort = (_change & StunChange.Port) == StunChange.None;
        return from.SameHost(Server) == sameHost && (from.Port == Server.Port) == samePort;
    }

    private static bool IsKnown(StunAttributeType type) => type
        is StunAttributeType.XorMappedAddress or StunAttributeType.MappedAddress
        or StunAttributeType.MessageIntegrity or StunAttributeType.MessageIntegritySha256;

    /// <summary>An address that a datagram of ours can have come from.</summary>
    private static bool IsPlausible(in UdpAddress mapped) =>
        mapped.Port != 0 && !mapped.IsUnspecified && !mapped.IsMulticast && !mapped.IsBroadcastOrReserved;
}
