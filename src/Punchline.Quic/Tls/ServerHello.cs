using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace Punchline.Quic.Tls;

/// <summary>
/// A ServerHello or a HelloRetryRequest, which differ by their random (RFC 9846 sections 4.2.3, 4.2.4).
/// The spans lie in the message that was read.
/// </summary>
internal ref struct ServerHello
{
    public bool IsHelloRetryRequest;

    /// <summary>The group of the server's share, or the one that a HelloRetryRequest asks for; null if there is no key_share.</summary>
    public ushort? Group;

    /// <summary>The server's key_exchange bytes; empty in a HelloRetryRequest.</summary>
    public ReadOnlySpan<byte> KeyShare;

    /// <summary>The cookie of a HelloRetryRequest; empty if there is none.</summary>
    public ReadOnlySpan<byte> Cookie;

    /// <summary>The PSK that the server chose; null if none.</summary>
    public ushort? SelectedKey;

    private bool _hasSupportedVersion;
    private ushort _version;

    /// <summary>What a ServerHello of ours or to us may answer.</summary>
    private static ReadOnlySpan<ExtensionType> Answers => [ExtensionType.SupportedVersions, ExtensionType.KeyShare];

    /// <summary>The same if the client offered to resume a session.</summary>
    private static ReadOnlySpan<ExtensionType> AnswersToOffer =>
        [ExtensionType.SupportedVersions, ExtensionType.KeyShare, ExtensionType.PreSharedKey];

    /// <summary>The cookie is the one extension that a server may send unasked (RFC 9846 section 4.3).</summary>
    private static ReadOnlySpan<ExtensionType> RetryAnswers =>
        [ExtensionType.SupportedVersions, ExtensionType.KeyShare, ExtensionType.Cookie];

    /// <summary>Reads the body of a ServerHello and checks all that does not depend on what the client offered.</summary>
    /// <param name="hello">What it says.</param>
    /// <param name="error">Why it is not taken.</param>
    /// <param name="offeredKey">The client offered a PSK.</param>
    public static bool TryRead(ReadOnlySpan<byte> body, out ServerHello hello, [NotNullWhen(false)] out QuicError? error, bool offeredKey = false)
    {
        hello = default;
        var reader = new TlsReader(body);
        if (!reader.TryReadUInt16(out ushort legacyVersion)
            || !reader.TryReadBytes(TlsCodes.RandomLength, out var random)
            || !reader.TryReadVector8(out var sessionId)
            || !reader.TryReadUInt16(out ushort cipherSuite)
            || !reader.TryReadByte(out byte compressionMethod))
        {
            error = TlsAlert.DecodeError.Error("a ServerHello that is not well formed");
            return false;
        }
        if (reader.IsAtEnd)
        {
            error = TlsAlert.ProtocolVersion.Error("a ServerHello of TLS before 1.3");
            return false;
        }
        if (!reader.TryReadVector16(out var extensions) || !reader.IsAtEnd)
        {
            error = TlsAlert.DecodeError.Error("a ServerHello whose extensions do not fill it");
            return false;
        }
        hello.IsHelloRetryRequest = random.SequenceEqual(TlsCodes.HelloRetryRequestRandom);
        error = hello.ReadExtensions(extensions, offeredKey) ?? hello.CheckForm(legacyVersion, sessionId, cipherSuite, compressionMethod);
        return error is null;
    }

    private QuicError? ReadExtensions(ReadOnlySpan<byte> block, bool offeredKey)
    {
        var extensions = IsHelloRetryRequest
            ? new ExtensionReader(block, ExtensionPlace.HelloRetryRequest, RetryAnswers)
            : new ExtensionReader(block, ExtensionPlace.ServerHello, offeredKey ? AnswersToOffer : Answers);
        bool wellFormed = true;
        while (wellFormed && extensions.TryNext(out var type, out var data))
        {
            var reader = new TlsReader(data);
            switch (type)
            {
                case ExtensionType.SupportedVersions:
                    _hasSupportedVersion = true;
                    wellFormed = reader.TryReadUInt16(out _version) && reader.IsAtEnd;
                    break;
                case ExtensionType.KeyShare:
                    wellFormed = reader.TryReadUInt16(out ushort group)
                        && (IsHelloRetryRequest || reader.TryReadVector16(out KeyShare) && !KeyShare.IsEmpty)
                        && reader.IsAtEnd;
                    Group = group;
                    break;
                case ExtensionType.Cookie:
                    wellFormed = reader.TryReadVector16(out Cookie) && !Cookie.IsEmpty && reader.IsAtEnd;
                    break;
                case ExtensionType.PreSharedKey:
                    wellFormed = reader.TryReadUInt16(out ushort selected) && reader.IsAtEnd;
                    SelectedKey = selected;
                    break;
                default:
                    throw new UnreachableException();
            }
        }
        return wellFormed ? extensions.Error : TlsAlert.DecodeError.Error("a ServerHello extension that is not well formed");
    }

    private readonly QuicError? CheckForm(
        ushort legacyVersion, ReadOnlySpan<byte> sessionId, ushort cipherSuite, byte compressionMethod)
    {
        // RFC 9846 section 4.3.1: the version is checked before all else. Before 1.3 is the end (RFC 9001 section 4.2, RFC 9846
        // appendices E.1 and E.3).
        if (!_hasSupportedVersion)
            return TlsAlert.ProtocolVersion.Error("the server chose TLS before 1.3");
        if (_version != TlsCodes.Tls13)
            return TlsAlert.IllegalParameter.Error("the server chose a version that was not offered");
        if (legacyVersion != TlsCodes.LegacyVersion)
            return TlsAlert.ProtocolVersion.Error("a legacy_version other than TLS 1.2");
        // RFC 9846 section 4.2.3: the echo of what we sent, which is empty.
        if (!sessionId.IsEmpty)
            return TlsAlert.IllegalParameter.Error("a legacy_session_id that was not sent");
        // With a PSK, its hash is the suite's (RFC 9846 section 4.3.11): there is one of each.
        if (cipherSuite != TlsCodes.Aes128GcmSha256)
            return TlsAlert.IllegalParameter.Error("the server chose a cipher suite that was not offered");
        if (compressionMethod != 0)
            return TlsAlert.IllegalParameter.Error("a compression method");
        return null;
    }

    /// <summary>Writes a ServerHello.</summary>
    /// <param name="resumes">The first of the PSKs that the client offered is taken.</param>
    public static byte[] Write(ReadOnlySpan<byte> random, ushort group, ReadOnlySpan<byte> share, bool resumes = false) =>
        WriteHello(random, group, share, isRetry: false, resumes);

    /// <summary>Writes a HelloRetryRequest for a group. The server keeps its state, and proves addresses by Retry (RFC 9001 section 4.7): there is no cookie.</summary>
    public static byte[] WriteRetry(ushort group) =>
        WriteHello(TlsCodes.HelloRetryRequestRandom, group, default, isRetry: true, resumes: false);

    private static byte[] WriteHello(ReadOnlySpan<byte> random, ushort group, ReadOnlySpan<byte> share, bool isRetry, bool resumes)
    {
        var writer = new TlsWriter();
        using (writer.Message(HandshakeType.ServerHello))
        {
            writer.UInt16(TlsCodes.LegacyVersion);
            writer.Bytes(random);
            writer.Byte(0);                                          // legacy_session_id_echo
            writer.UInt16(TlsCodes.Aes128GcmSha256);
            writer.Byte(0);                                          // legacy_compression_method
            using (writer.Vector16())
            {
                using (writer.Extension(ExtensionType.SupportedVersions))
                    writer.UInt16(TlsCodes.Tls13);
                using (writer.Extension(ExtensionType.KeyShare))
                {
                    writer.UInt16(group);
                    if (!isRetry)
                    {
                        using (writer.Vector16())
                            writer.Bytes(share);
                    }
                }
                if (resumes)
                {
                    using (writer.Extension(ExtensionType.PreSharedKey))
                        writer.UInt16(0);                            // selected_identity
                }
            }
        }
        return writer.ToArray();
    }
}
