using System.Runtime.CompilerServices;

namespace Punchline.Quic.Tls;

/// <summary>The messages that carry extensions, as flags.</summary>
[Flags]
internal enum ExtensionPlace
{
    None = 0,
    ClientHello = 1,
    ServerHello = 2,
    HelloRetryRequest = 4,
    EncryptedExtensions = 8,
    CertificateRequest = 16,
    Certificate = 32,
    NewSessionTicket = 64,
}

/// <summary>
/// Walks an extension block (RFC 9846 section 4.3) and applies the rules that hold for every block: no type twice, nothing
/// that we recognise in a message where it is not specified, and no answer to what was not asked.
/// </summary>
internal ref struct ExtensionReader
{
    /// <summary>
    /// The most extensions in one block. Browsers send some 20; the bound keeps the search for duplicates short and without allocation.
    /// </summary>
    public const int MaxExtensions = 64;

    /// <summary>Messages in which an unknown extension is a request or an indication, to be ignored (RFC 9846 section 9.3).</summary>
    private const ExtensionPlace Requests =
        ExtensionPlace.ClientHello | ExtensionPlace.CertificateRequest | ExtensionPlace.NewSessionTicket;

    private readonly ExtensionPlace _place;
    private readonly ReadOnlySpan<ExtensionType> _requested;
    private TlsReader _reader;
    private Seen _seen;
    private int _count;

    [InlineArray(MaxExtensions)]
    private struct Seen
    {
        private ushort _first;
    }

    /// <param name="block">The block without its length.</param>
    /// <param name="place">The message that holds it.</param>
    /// <param name="requested">In answers: the types that we asked for.</param>
    public ExtensionReader(ReadOnlySpan<byte> block, ExtensionPlace place, ReadOnlySpan<ExtensionType> requested)
    {
        _reader = new TlsReader(block);
        _place = place;
        _requested = requested;
    }

    /// <summary>Why <see cref="TryNext"/> returned false; null if the block simply ended.</summary>
    public QuicError? Error { get; private set; }

    /// <summary>True if the extension that was read last is the last one of the block.</summary>
    public readonly bool IsAtEnd => _reader.IsAtEnd;

    public bool TryNext(out ExtensionType type, out ReadOnlySpan<byte> data)
    {
        type = default;
        data = default;
        if (Error is not null || _reader.IsAtEnd)
            return false;
        if (!_reader.TryReadUInt16(out ushort code) || !_reader.TryReadVector16(out data))
            return Fail(TlsAlert.DecodeError, "an extension block is cut short");
        if (_count == MaxExtensions)
            return Fail(TlsAlert.IllegalParameter, "too many extensions");
        if (((ReadOnlySpan<ushort>)_seen)[.._count].Contains(code))
            return Fail(TlsAlert.IllegalParameter, "an extension stands twice");
        _seen[_count++] = code;
        type = (ExtensionType)code;

        // RFC 9846 sections 4.3 and 4.4.1.
        var places = PlacesOf(type);
        if (places != ExtensionPlace.None && (places & _place) == ExtensionPlace.None)
            return Fail(TlsAlert.IllegalParameter, "an extension stands in a message where it is not allowed");
        if ((Requests & _place) == ExtensionPlace.None && !_requested.Contains(type))
            return Fail(TlsAlert.UnsupportedExtension, "an extension answers what was not asked");
        return true;
    }

    private bool Fail(TlsAlert alert, string reason)
    {
        Error = alert.Error(reason);
        return false;
    }

    /// <summary>The table of RFC 9846 section 4.3, for what we recognise.</summary>
    private static ExtensionPlace PlacesOf(ExtensionType type) => type switch
    {
        ExtensionType.ServerName =>
            ExtensionPlace.ClientHello | ExtensionPlace.EncryptedExtensions | ExtensionPlace.CertificateRequest,
        ExtensionType.SupportedGroups
            or ExtensionType.ApplicationLayerProtocolNegotiation
            or ExtensionType.QuicTransportParameters => ExtensionPlace.ClientHello | ExtensionPlace.EncryptedExtensions,
        ExtensionType.SignatureAlgorithms
            or ExtensionType.SignatureAlgorithmsCert
            or ExtensionType.CertificateAuthorities => ExtensionPlace.ClientHello | ExtensionPlace.CertificateRequest,
        ExtensionType.PreSharedKey => ExtensionPlace.ClientHello | ExtensionPlace.ServerHello,
        ExtensionType.EarlyData =>
            ExtensionPlace.ClientHello | ExtensionPlace.EncryptedExtensions | ExtensionPlace.NewSessionTicket,
        ExtensionType.SupportedVersions
            or ExtensionType.KeyShare =>
            ExtensionPlace.ClientHello | ExtensionPlace.ServerHello | ExtensionPlace.HelloRetryRequest,
        ExtensionType.Cookie => ExtensionPlace.ClientHello | ExtensionPlace.HelloRetryRequest,
        ExtensionType.PskKeyExchangeModes
            or ExtensionType.PostHandshakeAuth
            or ExtensionType.Padding => ExtensionPlace.ClientHello,
        ExtensionType.OidFilters => ExtensionPlace.CertificateRequest,
        _ => ExtensionPlace.None,
    };
}
