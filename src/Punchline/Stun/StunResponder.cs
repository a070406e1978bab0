using Punchline.Quic;
using Punchline.Quic.Paths;

namespace Punchline.Stun;

/// <summary>What to send back, and from where.</summary>
/// <param name="Length">Bytes of the response.</param>
/// <param name="From">From the address that was reached, or from the server's other port or address.</param>
/// <param name="To">Where to: the source, or another port of the same address that it asked for (RESPONSE-PORT).</param>
internal readonly record struct StunReply(int Length, StunChange From, UdpAddress To);

/// <summary>The server's own addresses, as far as one request is concerned.</summary>
/// <param name="Reached">The address and port that the request reached; none or unspecified if the system does not tell.</param>
/// <param name="OtherPort">The other port that the server answers from, 0 without one.</param>
/// <param name="OtherHost">The other address that the server answers from, none without one; its port does not matter.</param>
internal readonly record struct StunServerAddresses(UdpAddress Reached, ushort OtherPort, UdpAddress OtherHost)
{
    /// <summary>What the server can change for a response.</summary>
    public StunChange Changes =>
        (OtherPort != 0 ? StunChange.Port : StunChange.None) | (OtherHost.IsNone ? StunChange.None : StunChange.Address);

    /// <summary>OTHER-ADDRESS, none without a second address (RFC 5780 section 7.4).</summary>
    public UdpAddress Other => OtherHost.IsNone ? default : OtherHost.WithPort(OtherPort != 0 ? OtherPort : Reached.Port);

    /// <summary>Where a response leaves from, unspecified or none if unknown (RFC 5780 section 7.3).</summary>
    public UdpAddress OriginOf(StunChange change)
    {
        UdpAddress host = (change & StunChange.Address) != StunChange.None ? OtherHost : Reached;
        return host.IsNone ? default : host.WithPort((change & StunChange.Port) != StunChange.None ? OtherPort : Reached.Port);
    }
}

/// <summary>
/// The server's side of STUN (RFC 8489 section 6.3.1; RFC 5780 section 6.1) without I/O or state: a request and its
/// source in, a response out.
/// </summary>
/// <remarks>
/// It answers well-formed Binding requests and nothing else: no indication, no response (so two servers never answer each other), no
/// other method. There are no credentials; SOFTWARE is left out, as it tells versions.
/// </remarks>
internal static class StunResponder
{
    /// <summary>
    /// A response is at most this many times as long as its request, so that a forged source address is not worth its while:
    /// QUIC's own bound (RFC 9000 section 8.1). Optional attributes go in while they fit; clients of ours fill their requests up.
    /// </summary>
    public const int MaxAmplification = 3;

    /// <summary>Unknown attributes that a 420 response lists: more only tell that the request is not meant seriously.</summary>
    private const int MaxUnknown = 8;

    private const int UnknownAttribute = 420;
    private const int BadRequest = 400;

    /// <summary>Answers a datagram.</summary>
    /// <param name="datagram">What came.</param>
    /// <param name="source">From where: the reflexive address.</param>
    /// <param name="server">The server's own addresses.</param>
    /// <param name="buffer">At least <see cref="StunMessage.MaxLength"/> bytes.</param>
    /// <param name="reply">The response.</param>
    /// <returns>False if nothing is to be answered.</returns>
    public static bool TryRespond(
        ReadOnlySpan<byte> datagram, in UdpAddress source, in StunServerAddresses server, Span<byte> buffer, out StunReply reply)
    {
        reply = default;
        if (!StunMessage.TryRead(datagram, out StunMessage request)
            || request is not { Class: StunClass.Request, Method: StunMessage.Binding }
            || source.IsNone || source.Port == 0)
            return false;
        // Section 7.3: with a wrong FINGERPRINT it belongs to another protocol.
        StunFingerprint fingerprint = request.CheckFingerprint();
        if (fingerprint == StunFingerprint.Invalid)
            return false;

        Span<StunAttributeType> unknown = stackalloc StunAttributeType[MaxUnknown];
        int unknownCount = FindUnknown(request, unknown);
        bool isChangeClear = request.TryFindChange(out StunChange change);
        // Nobody forges more by RESPONSE-PORT than by a source address; but who cannot forge may share that address with others, behind a carrier's NAT.
        bool isPortClear = request.TryFindResponsePort(out ushort port) && port is 0 or >= CandidateRules.LowestPort;
        // What the server cannot do is an attribute that it does not know.
        if (isChangeClear && (change & ~server.Changes) != StunChange.None && unknownCount < MaxUnknown)
            unknown[unknownCount++] = StunAttributeType.ChangeRequest;

        var writer = new Response(buffer, datagram.Length, fingerprint == StunFingerprint.Valid);
        reply = unknownCount > 0 ? new StunReply(writer.Unknown(request, unknown[..unknownCount]), StunChange.None, source)
            : !isChangeClear || !isPortClear ? new StunReply(writer.Refuse(request), StunChange.None, source)
            : new StunReply(
                writer.Succeed(request, source, server.OriginOf(change), server.Other), change, port == 0 ? source : source.WithPort(port));
        return true;
    }

    /// <summary>Collects comprehension-required attributes that we do not know (RFC 8489 section 6.3.1).</summary>
    private static int FindUnknown(in StunMessage request, Span<StunAttributeType> unknown)
    {
        int count = 0;
        foreach (StunAttribute attribute in request)
        {
            if (count < unknown.Length && attribute.Type.IsComprehensionRequired() && !IsKnown(attribute.Type)
                && !unknown[..count].Contains(attribute.Type))
                unknown[count++] = attribute.Type;
        }
        return count;
    }

    /// <summary>Those of credentials are known and say nothing to a server that asks for none.</summary>
    private static bool IsKnown(StunAttributeType type) => type
        is StunAttributeType.ChangeRequest or StunAttributeType.ResponsePort or StunAttributeType.Username or StunAttributeType.Userhash or StunAttributeType.Realm
        or StunAttributeType.Nonce or StunAttributeType.PasswordAlgorithm or StunAttributeType.MessageIntegrity
        or StunAttributeType.MessageIntegritySha256;

    /// <summary>Writes responses that keep the bound on their length.</summary>
    private readonly ref struct Response
    {
        private readonly Span<byte> _buffer;
        private readonly int _limit;
        private readonly bool _withFingerprint;

        public Response(Span<byte> buffer, int requestLength, bool withFingerprint)
        {
            _buffer = buffer;
            _limit = Math.Min(requestLength * MaxAmplification, StunMessage.MaxLength);
            _withFingerprint = withFingerprint;
        }

        public int Succeed(in StunMessage request, in UdpAddress source, in UdpAddress origin, in UdpAddress other)
        {
            // 44 bytes at most, of 60 that the shortest request allows.
            var writer = new StunWriter(_buffer, StunClass.Success, StunMessage.Binding, request.TransactionId);
            writer.AddXorMappedAddress(source);
            AddIfItFits(ref writer, StunAttributeType.ResponseOrigin, origin);
            AddIfItFits(ref writer, StunAttributeType.OtherAddress, other);
            return Finish(ref writer);
        }

        public int Unknown(in StunMessage request, ReadOnlySpan<StunAttributeType> types)
        {
            // 44 bytes and 2 to 4 for each type, of 72 and at least 12 for each type that the request allows.
            var writer = new StunWriter(_buffer, StunClass.Error, StunMessage.Binding, request.TransactionId);
            writer.AddErrorCode(UnknownAttribute, "Unknown"u8);
            writer.AddUnknownAttributes(types);
            return Finish(ref writer);
        }

        public int Refuse(in StunMessage request)
        {
            var writer = new StunWriter(_buffer, StunClass.Error, StunMessage.Binding, request.TransactionId);
            writer.AddErrorCode(BadRequest, "Bad Request"u8);
            return Finish(ref writer);
        }

        private void AddIfItFits(ref StunWriter writer, StunAttributeType type, in UdpAddress address)
        {
            int reserved = _withFingerprint ? StunWriter.Space(sizeof(uint)) : 0;
            if (!address.IsNone && !address.IsUnspecified
                && writer.Length + StunWriter.Space(StunAddress.LengthOf(address)) + reserved <= _limit)
                writer.AddAddress(type, address);
        }

        /// <summary>Who sends a FINGERPRINT shares the port with other protocols and wants one back (RFC 8489 section 7).</summary>
        private int Finish(ref StunWriter writer)
        {
            if (_withFingerprint)
                writer.AddFingerprint();
            return writer.Length;
        }
    }
}
