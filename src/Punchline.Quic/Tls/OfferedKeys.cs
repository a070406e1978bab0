namespace Punchline.Quic.Tls;

/// <summary>The pre_shared_key extension of a ClientHello (RFC 9846 section 4.3.11). The spans lie in the message that was read.</summary>
internal ref struct OfferedKeys
{
    /// <summary>A binder of SHA-256 in its list: the list's length, the binder's, and the binder. What our own ClientHello ends with.</summary>
    public const int OwnBindersLength = 2 + 1 + TlsCodes.HashLength;

    /// <summary>RFC 9846 section 4.3.11: PskBinderEntry.</summary>
    private const int MinBinder = 32;

    /// <summary>
    /// The first identity. The others are not looked at: our clients offer one, 0-RTT is under the first alone (RFC 9846
    /// section 4.3.10), and a server should not try several binders (section 4.3.11).
    /// </summary>
    public ReadOnlySpan<byte> Identity;

    /// <summary>obfuscated_ticket_age of the first identity.</summary>
    public uint ObfuscatedAge;

    /// <summary>The binder of the first identity.</summary>
    public ReadOnlySpan<byte> Binder;

    /// <summary>The bytes of the list of binders, with its length: what the binders do not cover.</summary>
    public int BindersLength;

    /// <summary>Reads the content of the extension.</summary>
    public static bool TryRead(ReadOnlySpan<byte> data, out OfferedKeys keys)
    {
        keys = default;
        var reader = new TlsReader(data);
        if (!reader.TryReadVector16(out var identities) || identities.IsEmpty
            || !reader.TryReadVector16(out var binders) || binders.IsEmpty || !reader.IsAtEnd)
            return false;
        keys.BindersLength = 2 + binders.Length;
        var identityReader = new TlsReader(identities);
        var binderReader = new TlsReader(binders);
        bool first = true;
        // One binder for each identity, in their order.
        while (!identityReader.IsAtEnd)
        {
            if (!identityReader.TryReadVector16(out var identity) || identity.IsEmpty || !identityReader.TryReadUInt32(out uint age)
                || !binderReader.TryReadVector8(out var binder) || binder.Length < MinBinder)
                return false;
            if (first)
            {
                keys.Identity = identity;
                keys.ObfuscatedAge = age;
                keys.Binder = binder;
            }
            first = false;
        }
        return binderReader.IsAtEnd;
    }

    /// <summary>Writes the extension with room for one binder, zeros until it is computed. It must be the last extension.</summary>
    public static void Write(TlsWriter writer, OfferedSession offer)
    {
        using (writer.Extension(ExtensionType.PreSharedKey))
        {
            using (writer.Vector16())
            {
                using (writer.Vector16())
                    writer.Bytes(offer.Session.Ticket);
                writer.UInt32(offer.ObfuscatedAge);
            }
            using (writer.Vector16())
            using (writer.Vector8())
                writer.Bytes(stackalloc byte[TlsCodes.HashLength]);
        }
    }
}
