using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace Punchline.Quic.Tls;

/// <summary>EncryptedExtensions (RFC 9846 section 4.4.1): the server's transport parameters and the application protocol.</summary>
internal ref struct EncryptedExtensions
{
    public ReadOnlySpan<byte> TransportParameters;
    public ReadOnlySpan<byte> ProtocolName;

    /// <summary>The server takes 0-RTT.</summary>
    public bool AcceptsEarlyData;

    private bool _hasTransportParameters;

    /// <summary>What our ClientHello asks for that may be answered here.</summary>
    private static ReadOnlySpan<ExtensionType> Answers =>
    [
        ExtensionType.SupportedGroups,
        ExtensionType.ApplicationLayerProtocolNegotiation,
        ExtensionType.QuicTransportParameters,
    ];

    /// <summary>The same if our ClientHello offers 0-RTT.</summary>
    private static ReadOnlySpan<ExtensionType> AnswersToEarlyData =>
    [
        ExtensionType.SupportedGroups,
        ExtensionType.ApplicationLayerProtocolNegotiation,
        ExtensionType.QuicTransportParameters,
        ExtensionType.EarlyData,
    ];

    /// <summary>Reads the body.</summary>
    /// <param name="offeredProtocol">The one application protocol that we offered.</param>
    /// <param name="message">What it says.</param>
    /// <param name="error">Why it is not taken.</param>
    /// <param name="offeredEarlyData">We offered 0-RTT, and it may still be taken.</param>
    public static bool TryRead(
        ReadOnlySpan<byte> body, ReadOnlySpan<byte> offeredProtocol, out EncryptedExtensions message,
        [NotNullWhen(false)] out QuicError? error, bool offeredEarlyData = false)
    {
        message = default;
        var reader = new TlsReader(body);
        if (!reader.TryReadVector16(out var block) || !reader.IsAtEnd)
            error = TlsAlert.DecodeError.Error("EncryptedExtensions that are not well formed");
        else
            error = message.ReadExtensions(block, offeredEarlyData) ?? message.Check(offeredProtocol);
        return error is null;
    }

    private QuicError? ReadExtensions(ReadOnlySpan<byte> block, bool offeredEarlyData)
    {
        var extensions = new ExtensionReader(block, ExtensionPlace.EncryptedExtensions, offeredEarlyData ? AnswersToEarlyData : Answers);
        bool wellFormed = true;
        while (wellFormed && extensions.TryNext(out var type, out var data))
        {
            var reader = new TlsReader(data);
            switch (type)
            {
                case ExtensionType.ApplicationLayerProtocolNegotiation:
                    // RFC 7301 section 3.1: the list holds exactly one name.
                    wellFormed = reader.TryReadVector16(out var list) && reader.IsAtEnd && TryReadSingleName(list, out ProtocolName);
                    break;
                case ExtensionType.QuicTransportParameters:
                    _hasTransportParameters = true;
                    TransportParameters = data;
                    break;
                case ExtensionType.SupportedGroups:
                    // RFC 9846 section 4.3.7: a hint for later connections, not to be acted upon now.
                    wellFormed = reader.TryReadVector16(out var groups) && reader.IsAtEnd && !groups.IsEmpty && groups.Length % 2 == 0;
                    break;
                case ExtensionType.EarlyData:
                    AcceptsEarlyData = true;
                    wellFormed = data.IsEmpty;
                    break;
                default:
                    throw new UnreachableException();
            }
        }
        return wellFormed ? extensions.Error : TlsAlert.DecodeError.Error("an encrypted extension that is not well formed");
    }

    private static bool TryReadSingleName(ReadOnlySpan<byte> list, out ReadOnlySpan<byte> name)
    {
        var reader = new TlsReader(list);
        return reader.TryReadVector8(out name) && !name.IsEmpty && reader.IsAtEnd;
    }

    private readonly QuicError? Check(ReadOnlySpan<byte> offeredProtocol)
    {
        // RFC 9001 section 8.2.
        if (!_hasTransportParameters)
            return TlsAlert.MissingExtension.Error("the server sent no transport parameters");
        // RFC 9001 section 8.1: the client too uses this alert, for no protocol and for one that was not offered.
        if (!ProtocolName.SequenceEqual(offeredProtocol))
            return TlsAlert.NoApplicationProtocol.Error("the server did not agree on the application protocol");
        return null;
    }

    /// <summary>Writes the message after what the writer holds: answers to what every client asks (RFC 9846 section 4.3).</summary>
    public static void Write(
        TlsWriter writer, ReadOnlySpan<byte> protocolName, ReadOnlySpan<byte> transportParameters, bool acceptsEarlyData = false)
    {
        using (writer.Message(HandshakeType.EncryptedExtensions))
        using (writer.Vector16())
        {
            using (writer.Extension(ExtensionType.ApplicationLayerProtocolNegotiation))
            using (writer.Vector16())
            using (writer.Vector8())
                writer.Bytes(protocolName);
            using (writer.Extension(ExtensionType.QuicTransportParameters))
                writer.Bytes(transportParameters);
            if (acceptsEarlyData)
                writer.Extension(ExtensionType.EarlyData).Dispose();
        }
    }
}
