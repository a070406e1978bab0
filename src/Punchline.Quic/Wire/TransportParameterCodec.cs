using System.Buffers;

namespace Punchline.Quic.Wire;

/// <summary>The bytes of <see cref="TransportParameters"/> (RFC 9000 section 18): a sequence of identifier, length and value.</summary>
internal static class TransportParameterCodec
{
    private const int ResetTokenLength = NewConnectionIdFrame.ResetTokenLength;
    private const int IPv4Length = 4;
    private const int IPv6Length = 16;

    /// <summary>RFC 9000 section 18.2; RFC 9221 section 3; docs/wire/punch.md.</summary>
    private enum Id : ulong
    {
        OriginalDestinationConnectionId = 0x00,
        MaxIdleTimeout = 0x01,
        StatelessResetToken = 0x02,
        MaxUdpPayloadSize = 0x03,
        InitialMaxData = 0x04,
        InitialMaxStreamDataBidiLocal = 0x05,
        InitialMaxStreamDataBidiRemote = 0x06,
        InitialMaxStreamDataUni = 0x07,
        InitialMaxStreamsBidi = 0x08,
        InitialMaxStreamsUni = 0x09,
        AckDelayExponent = 0x0a,
        MaxAckDelay = 0x0b,
        DisableActiveMigration = 0x0c,
        PreferredAddress = 0x0d,
        ActiveConnectionIdLimit = 0x0e,
        InitialSourceConnectionId = 0x0f,
        RetrySourceConnectionId = 0x10,
        MaxDatagramFrameSize = 0x20,
        Punch = 0x50_554e_4348,
    }

    /// <inheritdoc cref="TransportParameters.TryRead"/>
    public static bool TryRead(ReadOnlySpan<byte> bytes, bool fromClient, out TransportParameters? p, out string? why)
    {
        p = null;
        var values = new Values();
        // Bounded by the input: an entry takes two bytes of it or more.
        var seen = new HashSet<ulong>();
        var r = new WireReader(bytes);
        while (!r.IsEmpty)
        {
            if (!r.TryReadVarInt(out ulong id) || !r.TryReadVarInt(out ulong length)
                || !r.TryReadBytes(length, out ReadOnlySpan<byte> value))
            {
                why = "transport parameters are cut short";
                return false;
            }
            // RFC 9000 section 7.4: none may come twice.
            if (!seen.Add(id))
            {
                why = "a transport parameter came twice";
                return false;
            }
            why = fromClient && IsServerOnly((Id)id) ? "a client sent a server's transport parameter" : values.Take((Id)id, value);
            if (why is not null)
                return false;
        }
        p = values.ToParameters();
        why = null;
        return true;
    }

    /// <inheritdoc cref="TransportParameters.Write"/>
    public static byte[] Write(TransportParameters p)
    {
        var output = new ArrayBufferWriter<byte>();
        WriteConnectionId(output, Id.OriginalDestinationConnectionId, p.OriginalDestinationConnectionId);
        WriteInteger(output, Id.MaxIdleTimeout, p.MaxIdleTimeoutMilliseconds, 0);
        if (p.StatelessResetToken is { } token)
        {
            ArgumentOutOfRangeException.ThrowIfNotEqual(token.Length, ResetTokenLength, nameof(p));
            WriteBytes(output, Id.StatelessResetToken, token);
        }
        WriteInteger(output, Id.MaxUdpPayloadSize, p.MaxUdpPayloadSize, TransportParameters.DefaultMaxUdpPayloadSize);
        WriteInteger(output, Id.InitialMaxData, p.InitialMaxData, 0);
        WriteInteger(output, Id.InitialMaxStreamDataBidiLocal, p.InitialMaxStreamDataBidiLocal, 0);
        WriteInteger(output, Id.InitialMaxStreamDataBidiRemote, p.InitialMaxStreamDataBidiRemote, 0);
        WriteInteger(output, Id.InitialMaxStreamDataUni, p.InitialMaxStreamDataUni, 0);
        WriteInteger(output, Id.InitialMaxStreamsBidi, p.InitialMaxStreamsBidi, 0);
        WriteInteger(output, Id.InitialMaxStreamsUni, p.InitialMaxStreamsUni, 0);
        WriteInteger(output, Id.AckDelayExponent, p.AckDelayExponent, TransportParameters.DefaultAckDelayExponent);
        WriteInteger(output, Id.MaxAckDelay, p.MaxAckDelayMilliseconds, TransportParameters.DefaultMaxAckDelayMilliseconds);
        if (p.DisableActiveMigration)
            WriteBytes(output, Id.DisableActiveMigration, []);
        if (p.PreferredAddress is { } preferred)
            WritePreferredAddress(output, preferred);
        WriteInteger(output, Id.ActiveConnectionIdLimit, p.ActiveConnectionIdLimit, TransportParameters.MinActiveConnectionIdLimit);
        WriteConnectionId(output, Id.InitialSourceConnectionId, p.InitialSourceConnectionId);
        WriteConnectionId(output, Id.RetrySourceConnectionId, p.RetrySourceConnectionId);
        WriteInteger(output, Id.MaxDatagramFrameSize, p.MaxDatagramFrameSize, 0);
        WriteInteger(output, Id.Punch, (ulong)p.PunchCandidateLimit, 0);
        return output.WrittenSpan.ToArray();
    }

    private static bool IsServerOnly(Id id) => id is Id.OriginalDestinationConnectionId or Id.StatelessResetToken
        or Id.PreferredAddress or Id.RetrySourceConnectionId;

    private static void WriteInteger(ArrayBufferWriter<byte> output, Id id, ulong value, ulong absent)
    {
        if (value == absent)
            return;
        Span<byte> bytes = stackalloc byte[VarInt.MaxLength];
        WriteBytes(output, id, bytes[..VarInt.Write(bytes, value)]);
    }

    private static void WriteConnectionId(ArrayBufferWriter<byte> output, Id id, ConnectionId? value)
    {
        if (value is { } connectionId)
            WriteBytes(output, id, connectionId.Span);
    }

    private static void WritePreferredAddress(ArrayBufferWriter<byte> output, PreferredAddress preferred)
    {
        ConnectionId id = preferred.ConnectionId;
        ArgumentOutOfRangeException.ThrowIfZero(id.Length, nameof(preferred));
        ArgumentOutOfRangeException.ThrowIfNotEqual(preferred.ResetToken.Length, ResetTokenLength, nameof(preferred));
        var w = new WireWriter(stackalloc byte[IPv4Length + 2 + IPv6Length + 2 + 1 + ConnectionId.MaxLength + ResetTokenLength]);
        WriteEndpoint(ref w, preferred.IPv4, IPv4Length);
        WriteEndpoint(ref w, preferred.IPv6, IPv6Length);
        w.WriteByte((byte)id.Length);
        w.WriteBytes(id.Span);
        w.WriteBytes(preferred.ResetToken);
        WriteBytes(output, Id.PreferredAddress, w.Written);
    }

    /// <summary>An address that is not offered is all zero.</summary>
    private static void WriteEndpoint(scoped ref WireWriter w, in UdpAddress address, int length)
    {
        Span<byte> bytes = w.Reserve(length);
        bytes.Clear();
        if (!address.IsNone)
        {
            ArgumentOutOfRangeException.ThrowIfNotEqual(address.AddressLength, length, nameof(address));
            address.WriteAddress(bytes);
        }
        w.WriteUInt16(address.Port);
    }

    private static void WriteBytes(ArrayBufferWriter<byte> output, Id id, ReadOnlySpan<byte> value)
    {
        Span<byte> header = stackalloc byte[2 * VarInt.MaxLength];
        int length = VarInt.Write(header, (ulong)id);
        length += VarInt.Write(header[length..], (ulong)value.Length);
        output.Write(header[..length]);
        output.Write(value);
    }

    /// <summary>What has been read so far; each property begins with its default.</summary>
    private sealed class Values
    {
        private ConnectionId? _originalDestination;
        private ulong _maxIdleTimeout;
        private byte[]? _resetToken;
        private ulong _maxUdpPayloadSize = TransportParameters.DefaultMaxUdpPayloadSize;
        private ulong _maxData;
        private ulong _maxStreamDataBidiLocal;
        private ulong _maxStreamDataBidiRemote;
        private ulong _maxStreamDataUni;
        private ulong _maxStreamsBidi;
        private ulong _maxStreamsUni;
        private ulong _ackDelayExponent = TransportParameters.DefaultAckDelayExponent;
        private ulong _maxAckDelay = TransportParameters.DefaultMaxAckDelayMilliseconds;
        private bool _disableActiveMigration;
        private PreferredAddress? _preferredAddress;
        private ulong _activeConnectionIdLimit = TransportParameters.MinActiveConnectionIdLimit;
        private ConnectionId? _initialSource;
        private ConnectionId? _retrySource;
        private ulong _maxDatagramFrameSize;
        private ulong _punch;

        /// <summary>Takes one parameter; what is unknown is ignored (RFC 9000 section 7.4.2).</summary>
        /// <returns>Null, or why the value is not valid.</returns>
        public string? Take(Id id, ReadOnlySpan<byte> value) => id switch
        {
            Id.OriginalDestinationConnectionId => TakeConnectionId(value, ref _originalDestination),
            Id.MaxIdleTimeout => TakeInteger(value, ref _maxIdleTimeout),
            Id.StatelessResetToken => TakeResetToken(value),
            Id.MaxUdpPayloadSize => TakeInteger(value, ref _maxUdpPayloadSize, min: TransportParameters.MinMaxUdpPayloadSize),
            Id.InitialMaxData => TakeInteger(value, ref _maxData),
            Id.InitialMaxStreamDataBidiLocal => TakeInteger(value, ref _maxStreamDataBidiLocal),
            Id.InitialMaxStreamDataBidiRemote => TakeInteger(value, ref _maxStreamDataBidiRemote),
            Id.InitialMaxStreamDataUni => TakeInteger(value, ref _maxStreamDataUni),
            Id.InitialMaxStreamsBidi => TakeInteger(value, ref _maxStreamsBidi, max: MaxStreamsFrame.Limit),
            Id.InitialMaxStreamsUni => TakeInteger(value, ref _maxStreamsUni, max: MaxStreamsFrame.Limit),
            Id.AckDelayExponent => TakeInteger(value, ref _ackDelayExponent, max: TransportParameters.MaxAckDelayExponent),
            Id.MaxAckDelay => TakeInteger(value, ref _maxAckDelay, max: TransportParameters.LimitOfMaxAckDelayMilliseconds - 1),
            Id.DisableActiveMigration => TakeFlag(value),
            Id.PreferredAddress => TakePreferredAddress(value),
            Id.ActiveConnectionIdLimit =>
                TakeInteger(value, ref _activeConnectionIdLimit, min: TransportParameters.MinActiveConnectionIdLimit),
            Id.InitialSourceConnectionId => TakeConnectionId(value, ref _initialSource),
            Id.RetrySourceConnectionId => TakeConnectionId(value, ref _retrySource),
            Id.MaxDatagramFrameSize => TakeInteger(value, ref _maxDatagramFrameSize),
            Id.Punch => TakeInteger(value, ref _punch, min: 1, max: TransportParameters.MaxPunchCandidateLimit),
            _ => null,
        };

        public TransportParameters ToParameters() => new()
        {
            OriginalDestinationConnectionId = _originalDestination,
            MaxIdleTimeoutMilliseconds = _maxIdleTimeout,
            StatelessResetToken = _resetToken,
            MaxUdpPayloadSize = _maxUdpPayloadSize,
            InitialMaxData = _maxData,
            InitialMaxStreamDataBidiLocal = _maxStreamDataBidiLocal,
            InitialMaxStreamDataBidiRemote = _maxStreamDataBidiRemote,
            InitialMaxStreamDataUni = _maxStreamDataUni,
            InitialMaxStreamsBidi = _maxStreamsBidi,
            InitialMaxStreamsUni = _maxStreamsUni,
            AckDelayExponent = _ackDelayExponent,
            MaxAckDelayMilliseconds = _maxAckDelay,
            DisableActiveMigration = _disableActiveMigration,
            PreferredAddress = _preferredAddress,
            ActiveConnectionIdLimit = _activeConnectionIdLimit,
            InitialSourceConnectionId = _initialSource,
            RetrySourceConnectionId = _retrySource,
            MaxDatagramFrameSize = _maxDatagramFrameSize,
            PunchCandidateLimit = (int)_punch,
        };

        private static string? TakeInteger(ReadOnlySpan<byte> value, ref ulong field, ulong min = 0, ulong max = VarInt.MaxValue)
        {
            if (!VarInt.TryRead(value, out ulong read, out int length) || length != value.Length)
                return "a transport parameter is not one integer";
            if (read < min || read > max)
                return "a transport parameter is out of its range";
            field = read;
            return null;
        }

        private static string? TakeConnectionId(ReadOnlySpan<byte> value, ref ConnectionId? field)
        {
            if (value.Length > ConnectionId.MaxLength)
                return "a transport parameter has a connection id of more than 20 bytes";
            field = new ConnectionId(value);
            return null;
        }

        private string? TakeResetToken(ReadOnlySpan<byte> value)
        {
            if (value.Length != ResetTokenLength)
                return "a stateless reset token does not have 16 bytes";
            _resetToken = value.ToArray();
            return null;
        }

        private string? TakeFlag(ReadOnlySpan<byte> value)
        {
            if (!value.IsEmpty)
                return "disable_active_migration has a value";
            _disableActiveMigration = true;
            return null;
        }

        private string? TakePreferredAddress(ReadOnlySpan<byte> value)
        {
            const string Malformed = "preferred_address is malformed";
            var r = new WireReader(value);
            if (!r.TryReadBytes(IPv4Length, out ReadOnlySpan<byte> ipv4) || !r.TryReadUInt16(out ushort ipv4Port)
                || !r.TryReadBytes(IPv6Length, out ReadOnlySpan<byte> ipv6) || !r.TryReadUInt16(out ushort ipv6Port)
                || !r.TryReadByte(out byte idLength) || idLength is 0 or > ConnectionId.MaxLength
                || !r.TryReadBytes(idLength, out ReadOnlySpan<byte> id)
                || !r.TryReadBytes(ResetTokenLength, out ReadOnlySpan<byte> token) || !r.IsEmpty)
            {
                return Malformed;
            }
            _preferredAddress = new PreferredAddress(
                ReadEndpoint(ipv4, ipv4Port), ReadEndpoint(ipv6, ipv6Port), new ConnectionId(id), token.ToArray());
            return null;
        }

        /// <summary>All zero is "none". An IPv4-mapped address in the IPv6 field is no IPv6 address, so it is none as well.</summary>
        private static UdpAddress ReadEndpoint(ReadOnlySpan<byte> bytes, ushort port)
        {
            UdpAddress address = UdpAddress.FromBytes(bytes, scope: 0, port);
            bool usable = address.AddressLength == bytes.Length && !(address.IsUnspecified && port == 0);
            return usable ? address : default;
        }
    }
}
