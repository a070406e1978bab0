using System.Buffers.Binary;
using Punchline.Quic.Crypto;
using Punchline.Quic.Streams;
using Punchline.Quic.Tls;
using Punchline.Quic.Wire;

namespace Punchline.Quic;

/// <summary>
/// Sorts datagrams to connections by their connection ids and asks the policy about strangers (RFC 9000 section 5.2).
/// No I/O; one driver makes every call.
/// </summary>
public sealed class QuicEndpoint : IConnectionIdTable
{
    /// <summary>Answers to strangers that may wait to be sent; what comes beyond is not answered.</summary>
    private const int MaxPendingAnswers = 32;

    /// <summary>Stateless resets, refusals and version negotiations in a second: enough for a restarted host's peers, useless for a flood.</summary>
    private const int AnswersPerSecond = 20;

    /// <summary>The smallest datagram that is answered with a stateless reset, which must be shorter (RFC 9000 section 10.3).</summary>
    private const int MinResettable = 1 + ConnectionIdFactory.Length + 4 + 16;

    /// <summary>A stateless reset has at least this many bytes, to look like any short packet (RFC 9000 section 10.3).</summary>
    private const int MinReset = 5 + ConnectionIdFactory.ResetTokenLength;

    /// <summary>Our resets are no longer: what hides among small packets need not be large.</summary>
    private const int MaxReset = 42;

    /// <summary>The longest reason of a refusal, in bytes of UTF-8: one line for people.</summary>
    private const int MaxRefusalReason = 200;

    /// <summary>Room for a refusal: an Initial header with two of the longest ids, CONNECTION_CLOSE with its reason, and a tag.</summary>
    private const int MaxRefusal = MaxRefusalReason + 100;

    private readonly QuicEndpointOptions _options;
    private readonly ConnectionContext _context;
    private readonly ConnectionIdFactory _ids;
    private readonly HashSet<QuicConnection> _connections = [];
    private readonly Dictionary<ulong, QuicConnection> _byLocalId = [];
    private readonly Dictionary<ConnectionId, QuicConnection> _byFirstDestination = [];
    private readonly Queue<Answer> _answers = new();
    private Instant _answerWindow;
    private int _answersInWindow;

    private readonly record struct Answer(NetworkPath Path, byte[] Datagram);

    /// <summary>An endpoint without connections.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The reset key has not 32 bytes, or there are to be more tickets than 8.</exception>
    public QuicEndpoint(QuicEndpointOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNotEqual(options.ResetKey.Length, 32, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegative(options.Transport.TicketsPerConnection, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Transport.TicketsPerConnection, QuicTransportOptions.MaxTicketsPerConnection, nameof(options));
        _options = options;
        _context = new ConnectionContext(options, this, new ChunkPool(), options.Tickets ?? new TicketKeeper(options.Randomness));
        _ids = new ConnectionIdFactory(options.ResetKey.Span, options.Randomness);
    }

    /// <summary>Connection ids in use: 0 once all connections are gone.</summary>
    public int ActiveConnectionIds => _byLocalId.Count;

    /// <summary>Opens a connection; its first datagram is ready to be sent.</summary>
    /// <param name="now">The time.</param>
    /// <param name="options">Whom to reach, and with which token.</param>
    /// <param name="path">The path that the handshake takes.</param>
    public QuicConnection Connect(Instant now, QuicClientOptions options, NetworkPath path)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(path);
        QuicConnection connection = QuicConnection.CreateClient(_context, options, path, now);
        _connections.Add(connection);
        return connection;
    }

    /// <summary>A datagram arrived. It is decrypted where it lies: the buffer's content is spent afterwards.</summary>
    /// <param name="now">The time.</param>
    /// <param name="path">The way that it came: the same object for every datagram of that way.</param>
    /// <param name="ecn">The ECN field of its IP header (RFC 3168).</param>
    /// <param name="datagram">The UDP payload, without the path's own header.</param>
    /// <returns>The connection that it belongs to, perhaps a new one (whose Owner is still null); null if nobody took it.</returns>
    public QuicConnection? Receive(Instant now, NetworkPath path, EcnCodepoint ecn, Span<byte> datagram)
    {
        ArgumentNullException.ThrowIfNull(path);
        QuicConnection? connection = null;
        bool isPacket = PacketHeader.TryRead(datagram, ConnectionIdFactory.Length, out PacketHeader header);
        if (isPacket)
            connection = Find(header.Destination) ?? OnStranger(now, path, header, datagram);
        connection ??= FindReset(path, datagram);
        connection?.Receive(now, path, ecn, datagram);
        return connection;
    }

    /// <summary>
    /// A stateless reset carries no connection id that we know, only a token at its end (RFC 9000 section 10.3.1). The
    /// connections of a process are few, and only those on the path that it came by are asked. Another version's reset may have a
    /// long header, so its form does not matter (section 10.3).
    /// </summary>
    private QuicConnection? FindReset(NetworkPath path, ReadOnlySpan<byte> datagram)
    {
        if (datagram.Length < MinReset)
            return null;
        foreach (QuicConnection connection in _connections)
        {
            if (connection.Uses(path) && connection.IsStatelessReset(datagram))
                return connection;
        }
        return null;
    }

    /// <summary>The next answer that belongs to no connection: a Retry, a refusal, a version negotiation or a stateless reset.</summary>
    /// <param name="buffer">At least 1,500 bytes and the path's header.</param>
    /// <param name="transmit">Where it goes: one datagram.</param>
    public bool TryTransmit(Span<byte> buffer, out Transmit transmit)
    {
        if (!_answers.TryDequeue(out Answer answer))
        {
            transmit = default;
            return false;
        }
        int header = answer.Path.HeaderLength;
        answer.Datagram.CopyTo(buffer[header..]);
        int length = header + answer.Datagram.Length;
        transmit = new Transmit(answer.Path, length, length, false, 0);
        return true;
    }

    /// <summary>Forgets a connection that has terminated.</summary>
    public void Remove(QuicConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        _connections.Remove(connection);
        if (!connection.IsClient)
            _byFirstDestination.Remove(connection.FirstDestination);
    }

    ConnectionId IConnectionIdTable.Issue(QuicConnection connection)
    {
        while (true)
        {
            ConnectionId id = _ids.Create();
            if (_byLocalId.TryAdd(Key(id), connection))
                return id;
        }
    }

    void IConnectionIdTable.WriteResetToken(in ConnectionId id, Span<byte> token) => _ids.WriteResetToken(id, token);

    void IConnectionIdTable.Withdraw(in ConnectionId id) => _byLocalId.Remove(Key(id));

    private static ulong Key(in ConnectionId id) => BinaryPrimitives.ReadUInt64LittleEndian(id.Span);

    /// <summary>Where there is a connection it answers itself, never by a stateless reset (RFC 9000 sections 10.3 and 11).</summary>
    private QuicConnection? Find(in ConnectionId destination)
    {
        if (destination.Length == ConnectionIdFactory.Length && _byLocalId.TryGetValue(Key(destination), out QuicConnection? connection))
            return connection;
        return _byFirstDestination.Count > 0 ? _byFirstDestination.GetValueOrDefault(destination) : null;
    }

    private QuicConnection? OnStranger(Instant now, NetworkPath path, in PacketHeader header, ReadOnlySpan<byte> datagram)
    {
        switch (header.Type)
        {
            case PacketType.OneRtt:
                AnswerReset(now, path, header, datagram.Length);
                return null;
            case PacketType.UnknownVersion:
                AnswerVersion(now, path, header, datagram.Length);
                return null;
            case PacketType.Initial when datagram.Length >= QuicConnection.MinInitialDatagram && _options.Admission is not null:
                return OnInitial(now, path, header);
            default:
                return null;
        }
    }

    private QuicConnection? OnInitial(Instant now, NetworkPath path, in PacketHeader header)
    {
        if (header.Destination.Length < 8) // RFC 9000 section 7.2
            return null;
        var facts = new InitialFacts
        {
            Now = now, Path = path, Destination = header.Destination, Source = header.Source, Token = header.Token,
        };
        AdmissionVerdict verdict = _options.Admission!.Admit(facts);
        switch (verdict.Action)
        {
            case AdmissionAction.Accept:
                QuicConnection connection = QuicConnection.CreateServer(_context, facts, verdict);
                _connections.Add(connection);
                _byFirstDestination[header.Destination] = connection;
                return connection;
            case AdmissionAction.Retry:
                AnswerRetry(path, header, verdict);
                return null;
            case AdmissionAction.Refuse:
                AnswerRefusal(now, path, header, verdict);
                return null;
            default:
                return null;
        }
    }

    private void AnswerRetry(NetworkPath path, in PacketHeader header, in AdmissionVerdict verdict)
    {
        // RFC 9000 section 17.2.5.1: an id of our choice, which the client's next Initial is sent to.
        ConnectionId source = _ids.Create();
        var datagram = new byte[RetryPacket.Length(header.Source, source, verdict.RetryToken.Length)];
        RetryPacket.Write(datagram, header.Source, source, verdict.RetryToken.Span, header.Destination);
        Enqueue(path, datagram);
    }

    /// <summary>One CONNECTION_CLOSE under the Initial keys, as any client can read them (RFC 9000 section 5.2.2).</summary>
    private void AnswerRefusal(Instant now, NetworkPath path, in PacketHeader header, in AdmissionVerdict verdict)
    {
        if (!MayAnswer(now))
            return;
        Span<byte> client = stackalloc byte[QuicKeyDerivation.SecretLength];
        Span<byte> server = stackalloc byte[QuicKeyDerivation.SecretLength];
        QuicKeyDerivation.InitialSecrets(header.Destination, client, server);
        using LevelKeys keys = LevelKeys.FromSecret(server);
        ConnectionId source = _ids.Create();
        var buffer = new byte[MaxRefusal];
        var writer = new WireWriter(buffer.AsSpan(0, buffer.Length - AeadKey.TagLength));
        PacketHeaderWriter.WriteLong(ref writer, PacketType.Initial, header.Source, source, default, 1, out int lengthOffset);
        int numberOffset = writer.Position;
        PacketNumberCodec.Write(ref writer, 0, 1);
        int headerLength = writer.Position;
        var reason = new byte[MaxRefusalReason];
        System.Text.Unicode.Utf8.FromUtf16(verdict.RefusalReason, reason, out _, out int reasonLength);
        var close = new ConnectionCloseFrame(false, verdict.RefusalCode, 0, reason.AsSpan(0, reasonLength));
        close.Write(ref writer);
        Span<byte> packet = buffer.AsSpan(0, writer.Position + AeadKey.TagLength);
        PacketHeaderWriter.PatchLength(packet, lengthOffset, packet.Length - numberOffset);
        keys.Aead.Seal(packet, headerLength, 0);
        keys.Header.Protect(packet, numberOffset, 1);
        Enqueue(path, packet.ToArray());
    }

    private void AnswerVersion(Instant now, NetworkPath path, in PacketHeader header, int datagramLength)
    {
        // RFC 9000 sections 6.1 and 17.2.1, RFC 8999 section 6: only to what could be a first packet, and never from who wants silence.
        if (_options.Transport.SilentToStrangers || _options.Admission is null || datagramLength < QuicConnection.MinInitialDatagram || !MayAnswer(now))
            return;
        var datagram = new byte[7 + header.SourceSpan.Length + header.DestinationSpan.Length + (2 * sizeof(uint))];
        // A reserved version beside ours keeps clients honest (RFC 9000 section 15).
        int length = VersionNegotiationPacket.Write(datagram, header.SourceSpan, header.DestinationSpan, [QuicVersion.Version1, 0x1a2a3a4a], 0);
        Enqueue(path, datagram[..length]);
    }

    /// <summary>A stateless reset, only for an id of our making (RFC 9000 section 10.3).</summary>
    private void AnswerReset(Instant now, NetworkPath path, in PacketHeader header, int datagramLength)
    {
        if (datagramLength < MinResettable || !_ids.IsMarked(header.Destination) || !MayAnswer(now))
            return;
        // Shorter than what it answers, so that two sides without state cannot answer each other for ever (section 10.3.3).
        var datagram = new byte[Math.Clamp(datagramLength - 1, MinReset, MaxReset)];
        Span<byte> random = datagram.AsSpan(0, datagram.Length - ConnectionIdFactory.ResetTokenLength);
        _options.Randomness.FillPublic(random);
        random[0] = (byte)(FirstByte.FixedBit | (random[0] & 0x3f));
        _ids.WriteResetToken(header.Destination, datagram.AsSpan(random.Length));
        Enqueue(path, datagram);
    }

    private bool MayAnswer(Instant now)
    {
        if (now - _answerWindow >= TimeSpan.FromSeconds(1))
        {
            _answerWindow = now;
            _answersInWindow = 0;
        }
        return _answersInWindow++ < AnswersPerSecond;
    }

    private void Enqueue(NetworkPath path, byte[] datagram)
    {
        if (_answers.Count < MaxPendingAnswers)
            _answers.Enqueue(new Answer(path, datagram));
    }
}
