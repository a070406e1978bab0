using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Punchline.Quic.Tls;

/// <summary>
/// A ClientHello (RFC 9846 section 4.2.2), cut into its parts and checked for what holds whatever the server is willing to speak.
/// The spans lie in the message that was read.
/// </summary>
internal ref struct ClientHello
{
    public ReadOnlySpan<byte> Random;
    public ReadOnlySpan<byte> CipherSuites;
    public ReadOnlySpan<byte> SupportedVersions;
    public ReadOnlySpan<byte> SupportedGroups;
    public ReadOnlySpan<byte> SignatureAlgorithms;
    public ReadOnlySpan<byte> KeyShares;
    public ReadOnlySpan<byte> ProtocolNames;
    public ReadOnlySpan<byte> TransportParameters;
    public bool HasSupportedVersions;
    public bool HasSupportedGroups;
    public bool HasSignatureAlgorithms;
    public bool HasKeyShares;
    public bool HasTransportParameters;
    public bool HasEarlyData;
    public bool HasPreSharedKey;
    public bool HasPskKeyExchangeModes;

    /// <summary>The client takes a PSK together with a key exchange (psk_dhe_ke).</summary>
    public bool TakesPskWithDiffieHellman;

    /// <summary>What it offers to resume; of value only if <see cref="HasPreSharedKey"/>.</summary>
    public OfferedKeys OfferedKeys;

    /// <summary>Reads the body of a ClientHello.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, out ClientHello hello, [NotNullWhen(false)] out QuicError? error)
    {
        hello = default;
        var reader = new TlsReader(body);
        if (!reader.TryReadUInt16(out ushort legacyVersion)
            || !reader.TryReadBytes(TlsCodes.RandomLength, out hello.Random)
            || !reader.TryReadVector8(out var sessionId)
            || !reader.TryReadVector16(out hello.CipherSuites)
            || !reader.TryReadVector8(out var compressionMethods)
            || sessionId.Length > 32 || hello.CipherSuites.IsEmpty || hello.CipherSuites.Length % 2 != 0 || compressionMethods.IsEmpty)
        {
            error = TlsAlert.DecodeError.Error("a ClientHello that is not well formed");
            return false;
        }
        if (reader.IsAtEnd)
        {
            // A hello without extensions is of an older TLS (RFC 9846 section 4.2.2; RFC 9001 section 4.2).
            error = TlsAlert.ProtocolVersion.Error("a ClientHello of TLS before 1.3");
            return false;
        }
        if (!reader.TryReadVector16(out var extensions) || !reader.IsAtEnd)
        {
            error = TlsAlert.DecodeError.Error("a ClientHello whose extensions do not fill it");
            return false;
        }
        error = hello.ReadExtensions(extensions) ?? hello.CheckForm(legacyVersion, sessionId, compressionMethods);
        return error is null;
    }

    /// <summary>RFC 9846 section 4.3: what is known is read to its last byte, in whatever order it stands.</summary>
    private QuicError? ReadExtensions(ReadOnlySpan<byte> block)
    {
        var extensions = new ExtensionReader(block, ExtensionPlace.ClientHello, default);
        bool wellFormed = true;
        while (wellFormed && extensions.TryNext(out var type, out var data))
        {
            switch (type)
            {
                case ExtensionType.SupportedVersions:
                    HasSupportedVersions = true;
                    wellFormed = TryReadList(data, 1, out SupportedVersions);
                    break;
                case ExtensionType.SupportedGroups:
                    HasSupportedGroups = true;
                    wellFormed = TryReadList(data, 2, out SupportedGroups);
                    break;
                case ExtensionType.SignatureAlgorithms:
                    HasSignatureAlgorithms = true;
                    wellFormed = TryReadList(data, 2, out SignatureAlgorithms);
                    break;
                case ExtensionType.KeyShare:
                    HasKeyShares = true;
                    wellFormed = TryReadWhole(data, out KeyShares);
                    break;
                case ExtensionType.ApplicationLayerProtocolNegotiation:
                    wellFormed = TryReadWhole(data, out ProtocolNames) && !ProtocolNames.IsEmpty;
                    break;
                case ExtensionType.QuicTransportParameters:
                    HasTransportParameters = true;
                    TransportParameters = data;
                    break;
                case ExtensionType.EarlyData:
                    HasEarlyData = true;
                    wellFormed = data.IsEmpty;
                    break;
                case ExtensionType.PskKeyExchangeModes:
                    HasPskKeyExchangeModes = true;
                    wellFormed = TryReadModes(data, out TakesPskWithDiffieHellman);
                    break;
                case ExtensionType.PreSharedKey:
                    HasPreSharedKey = true;
                    // RFC 9846 section 4.3.11: a server MUST check that it is the last one.
                    if (!extensions.IsAtEnd)
                        return TlsAlert.IllegalParameter.Error("pre_shared_key is not the last extension");
                    wellFormed = OfferedKeys.TryRead(data, out OfferedKeys);
                    break;
                default:
                    // RFC 9846 section 9.3: what a server does not know or need it ignores (section 4.5.1.1: status_request_v2).
                    break;
            }
        }
        return wellFormed ? extensions.Error : TlsAlert.DecodeError.Error("a ClientHello extension that is not well formed");
    }

    private readonly QuicError? CheckForm(ushort legacyVersion, ReadOnlySpan<byte> sessionId, ReadOnlySpan<byte> compressionMethods)
    {
        // RFC 9001 section 4.2, RFC 9846 appendix E.2: a version before 1.3 is the end. Without supported_versions the client speaks 1.2 at most.
        if (!HasSupportedVersions || !ContainsCode(SupportedVersions, TlsCodes.Tls13) || legacyVersion != TlsCodes.LegacyVersion)
            return TlsAlert.ProtocolVersion.Error("the client does not offer TLS 1.3");
        // RFC 9001 section 8.4: middlebox compatibility mode has no place in QUIC.
        if (!sessionId.IsEmpty)
            return QuicError.Transport(TransportErrorCode.ProtocolViolation, "a legacy_session_id that is not empty");
        // RFC 9846 section 4.2.2: exactly one byte, null.
        if (compressionMethods is not [0])
            return TlsAlert.IllegalParameter.Error("a compression method");
        // RFC 9846 section 9.2, RFC 9001 section 8.2. A PSK may turn out to be of no use, so the rest has to be there beside it.
        if (!HasSignatureAlgorithms || !HasSupportedGroups || !HasKeyShares || !HasTransportParameters)
            return TlsAlert.MissingExtension.Error("a ClientHello without an extension that it must have");
        // RFC 9846 section 4.3.9.
        if (HasPreSharedKey && !HasPskKeyExchangeModes)
            return TlsAlert.MissingExtension.Error("pre_shared_key without psk_key_exchange_modes");
        return null;
    }

    /// <summary>True if a list of 16-bit codes holds this one.</summary>
    public static bool ContainsCode(ReadOnlySpan<byte> codes, ushort code)
    {
        var reader = new TlsReader(codes);
        while (reader.TryReadUInt16(out ushort candidate))
        {
            if (candidate == code)
                return true;
        }
        return false;
    }

    /// <summary>Looks for the share of a group (RFC 9846 section 4.3.8).</summary>
    /// <param name="share">Its key_exchange bytes; empty if the client sent none for this group.</param>
    public readonly QuicError? FindKeyShare(ushort group, out ReadOnlySpan<byte> share)
    {
        share = default;
        var reader = new TlsReader(KeyShares);
        while (!reader.IsAtEnd)
        {
            if (!reader.TryReadUInt16(out ushort candidate) || !reader.TryReadVector16(out var bytes) || bytes.IsEmpty)
                return TlsAlert.DecodeError.Error("a key share that is not well formed");
            if (candidate != group)
                continue;
            if (!share.IsEmpty)
                return TlsAlert.IllegalParameter.Error("two key shares for one group");
            share = bytes;
        }
        if (!share.IsEmpty && !ContainsCode(SupportedGroups, group))
            return TlsAlert.IllegalParameter.Error("a key share for a group that is not in supported_groups");
        return null;
    }

    /// <summary>True if the client sent exactly one key share (what a HelloRetryRequest asks for).</summary>
    public readonly bool HasSingleKeyShare
    {
        get
        {
            var reader = new TlsReader(KeyShares);
            return reader.TryReadUInt16(out _) && reader.TryReadVector16(out _) && reader.IsAtEnd;
        }
    }

    /// <summary>Looks for an application protocol (RFC 7301 section 3.1).</summary>
    public readonly QuicError? FindProtocol(ReadOnlySpan<byte> name, out bool found)
    {
        found = false;
        var reader = new TlsReader(ProtocolNames);
        while (!reader.IsAtEnd)
        {
            if (!reader.TryReadVector8(out var candidate) || candidate.IsEmpty)
                return TlsAlert.DecodeError.Error("a list of application protocols that is not well formed");
            found |= candidate.SequenceEqual(name);
        }
        return null;
    }

    /// <summary>
    /// A hash over what a second ClientHello must repeat: all but key_share, cookie, early_data, pre_shared_key and padding
    /// (RFC 9846 section 4.2.2).
    /// </summary>
    /// <param name="body">The body of a ClientHello that <see cref="TryRead"/> accepted.</param>
    /// <param name="destination">32 bytes.</param>
    public static void HashInvariants(ReadOnlySpan<byte> body, Span<byte> destination)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var reader = new TlsReader(body);
        if (reader.TryReadBytes(2 + TlsCodes.RandomLength, out var versionAndRandom)
            && reader.TryReadVector8(out _)
            && reader.TryReadVector16(out var cipherSuites)
            && reader.TryReadVector8(out _)
            && reader.TryReadVector16(out var block))
        {
            hash.AppendData(versionAndRandom);
            hash.AppendData(cipherSuites);
            var extensions = new ExtensionReader(block, ExtensionPlace.ClientHello, default);
            Span<byte> header = stackalloc byte[4];
            while (extensions.TryNext(out var type, out var data))
            {
                if (type is ExtensionType.KeyShare or ExtensionType.Cookie or ExtensionType.EarlyData
                    or ExtensionType.PreSharedKey or ExtensionType.Padding)
                    continue;
                BinaryPrimitives.WriteUInt16BigEndian(header, (ushort)type);
                BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)data.Length);
                hash.AppendData(header);
                hash.AppendData(data);
            }
        }
        hash.GetHashAndReset(destination);
    }

    /// <summary>Writes our ClientHello. It names nobody: no server_name, one suite, one scheme, the groups that were handed in.</summary>
    /// <param name="cookie">From a HelloRetryRequest; empty in the first hello.</param>
    /// <param name="offer">A session to resume: the binder at the end is left zero.</param>
    /// <param name="withEarlyData">Offers 0-RTT.</param>
    public static byte[] Write(
        TlsOptions options, ReadOnlySpan<byte> random, ushort shareGroup, ReadOnlySpan<byte> share, ReadOnlySpan<byte> cookie,
        OfferedSession? offer = null, bool withEarlyData = false)
    {
        var writer = new TlsWriter();
        using (writer.Message(HandshakeType.ClientHello))
        {
            writer.UInt16(TlsCodes.LegacyVersion);
            writer.Bytes(random);
            writer.Byte(0);                                          // legacy_session_id: RFC 9001 section 8.4
            using (writer.Vector16())
                writer.UInt16(TlsCodes.Aes128GcmSha256);
            using (writer.Vector8())
                writer.Byte(0);                                      // legacy_compression_methods: null
            using (writer.Vector16())
            {
                WriteExtensions(writer, options, shareGroup, share, cookie);
                WriteResumption(writer, offer, withEarlyData);
            }
        }
        return writer.ToArray();
    }

    private static void WriteExtensions(
        TlsWriter writer, TlsOptions options, ushort shareGroup, ReadOnlySpan<byte> share, ReadOnlySpan<byte> cookie)
    {
        using (writer.Extension(ExtensionType.SupportedVersions))
        using (writer.Vector8())
            writer.UInt16(TlsCodes.Tls13);
        using (writer.Extension(ExtensionType.SignatureAlgorithms))
        using (writer.Vector16())
            writer.UInt16(TlsCodes.EcdsaSecp256r1Sha256);
        using (writer.Extension(ExtensionType.SupportedGroups))
        using (writer.Vector16())
        {
            foreach (var keyExchange in options.KeyExchanges)
                writer.UInt16(keyExchange.Group);
        }
        using (writer.Extension(ExtensionType.KeyShare))
        using (writer.Vector16())
        {
            writer.UInt16(shareGroup);
            using (writer.Vector16())
                writer.Bytes(share);
        }
        using (writer.Extension(ExtensionType.ApplicationLayerProtocolNegotiation))
        using (writer.Vector16())
        using (writer.Vector8())
            writer.Bytes(options.ProtocolName);
        // RFC 9846 section 4.3.9: without it a server may give no tickets.
        using (writer.Extension(ExtensionType.PskKeyExchangeModes))
        using (writer.Vector8())
            writer.Byte(TlsCodes.PskWithDiffieHellman);
        using (writer.Extension(ExtensionType.QuicTransportParameters))
            writer.Bytes(options.TransportParameters.Span);
        if (!cookie.IsEmpty)
        {
            using (writer.Extension(ExtensionType.Cookie))
            using (writer.Vector16())
                writer.Bytes(cookie);
        }
    }

    private static void WriteResumption(TlsWriter writer, OfferedSession? offer, bool withEarlyData)
    {
        if (offer is null)
            return;
        if (withEarlyData) // RFC 9846 section 4.3.10: never without the PSK.
            writer.Extension(ExtensionType.EarlyData).Dispose();
        OfferedKeys.Write(writer, offer);
    }

    private static bool TryReadModes(ReadOnlySpan<byte> data, out bool withDiffieHellman)
    {
        var reader = new TlsReader(data);
        bool read = reader.TryReadVector8(out var modes) && !modes.IsEmpty && reader.IsAtEnd;
        withDiffieHellman = read && modes.Contains(TlsCodes.PskWithDiffieHellman);
        return read;
    }

    /// <summary>A list of 16-bit codes, not empty, that fills the extension.</summary>
    private static bool TryReadList(ReadOnlySpan<byte> data, int prefixLength, out ReadOnlySpan<byte> list)
    {
        var reader = new TlsReader(data);
        bool read = prefixLength == 1 ? reader.TryReadVector8(out list) : reader.TryReadVector16(out list);
        return read && reader.IsAtEnd && !list.IsEmpty && list.Length % 2 == 0;
    }

    private static bool TryReadWhole(ReadOnlySpan<byte> data, out ReadOnlySpan<byte> content)
    {
        var reader = new TlsReader(data);
        return reader.TryReadVector16(out content) && reader.IsAtEnd;
    }
}
