using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Punchline.Quic.Tls;

/// <summary>
/// A server's ticket keys, and the memory of used tickets (RFC 9846 sections 8 and 8.1, RFC 9001 section 9.2). All of it lives in memory:
/// after a restart every ticket is worthless, so nobody can replay one to a server that has forgotten (section 8.2 of RFC 9846), and
/// none remembers limits that are no longer ours (RFC 9000 section 7.4.1).
/// <code>
///   ticket = key number (1) ‖ nonce (12) ‖ sealed: <see cref="SealedSession"/> ‖ tag (16)
/// </code>
/// A key seals so many tickets that one bit for each is little memory. So each ticket is good exactly once, whoever uses how many.
/// </summary>
internal sealed class TicketKeeper : IDisposable
{
    /// <summary>
    /// How long a ticket is good: who plays every evening comes back within it. Far below the 7 days that RFC 9846 section 4.7.1 allows.
    /// </summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(24);

    /// <summary>
    /// How long a key seals. It opens for as long again, so a ticket of its last moment lives its whole life, and a key that
    /// leaks tells of two days at most.
    /// </summary>
    public static readonly TimeSpan KeyPeriod = Lifetime;

    /// <summary>
    /// After so long the client has to sign again, however often it came back meanwhile: the 7 days of RFC 9846 section 4.7.1, counted from
    /// the handshake with certificates.
    /// </summary>
    public static readonly TimeSpan LongestChain = TimeSpan.FromDays(7);

    /// <summary>
    /// Tickets under one key: two for each of 32,768 connections in a day, and 8 KiB of memory for the used ones. Beyond it
    /// there are no tickets until the next key, and everybody still gets in by a full handshake.
    /// </summary>
    public const int MaxPerKey = 65_536;

    /// <summary>
    /// How far the age that a client tells may be from ours for 0-RTT (RFC 9846 sections 4.3.10 and 8.3): round trips and drifting clocks. It
    /// matters little, as each ticket is good only once.
    /// </summary>
    public static readonly TimeSpan AgeTolerance = TimeSpan.FromSeconds(10);

    /// <summary>What surrounds the sealed bytes.</summary>
    internal const int Overhead = HeaderLength + TagLength;

    private const int NonceLength = 12;
    private const int HeaderLength = 1 + NonceLength;
    private const int TagLength = 16;

    private readonly IRandomness _randomness;
    private Key? _current;
    private Key? _previous;

    public TicketKeeper(IRandomness randomness) => _randomness = randomness;

    /// <summary>Seals a ticket.</summary>
    /// <returns>False if this key has sealed enough.</returns>
    public bool TryIssue(
        Instant now, Instant provedAt, ReadOnlySpan<byte> preSharedKey, ReadOnlySpan<byte> peerId, ReadOnlySpan<byte> binding, out IssuedTicket issued)
    {
        issued = default;
        if (binding.Length > SealedSession.MaxBinding)
            throw new ArgumentException("A ticket is bound to 32 bytes at most.", nameof(binding));
        TimeSpan left = provedAt + LongestChain - now;
        Key key = Advance(now);
        if (left <= TimeSpan.Zero || key.Issued >= MaxPerKey)
            return false;
        Span<byte> random = stackalloc byte[4];
        _randomness.FillSecret(random); // It hides the age from those who see the ClientHello.
        uint ageAdd = BinaryPrimitives.ReadUInt32BigEndian(random);
        var session = new SealedSession
        {
            Serial = (uint)key.Issued++,
            IssuedAt = now,
            ProvedAt = provedAt,
            AgeAdd = ageAdd,
            PreSharedKey = preSharedKey.ToArray(),
            PeerId = peerId.ToArray(),
            Binding = binding.ToArray(),
        };
        Span<byte> plain = stackalloc byte[SealedSession.MaxLength];
        plain = plain[..session.Write(plain)];
        var ticket = new byte[HeaderLength + plain.Length + TagLength];
        ticket[0] = key.Number;
        _randomness.FillPublic(ticket.AsSpan(1, NonceLength));
        key.Aead.Encrypt(ticket.AsSpan(1, NonceLength), plain, ticket.AsSpan(HeaderLength, plain.Length), ticket.AsSpan(^TagLength..), ticket.AsSpan(0, 1));
        CryptographicOperations.ZeroMemory(plain);
        CryptographicOperations.ZeroMemory(session.PreSharedKey);
        TimeSpan life = left < Lifetime ? left : Lifetime;
        issued = new IssuedTicket(ticket, (uint)life.TotalSeconds, ageAdd);
        return true;
    }

    /// <summary>Opens a ticket that this server sealed and that is still in time and unused. Changes nothing.</summary>
    public bool TryOpen(Instant now, ReadOnlySpan<byte> ticket, [NotNullWhen(true)] out SealedSession? session)
    {
        session = null;
        int length = ticket.Length - Overhead;
        if (length is < 1 or > SealedSession.MaxLength)
            return false;
        Advance(now);
        if (Find(ticket[0]) is not { } key)
            return false;
        Span<byte> plain = stackalloc byte[length];
        // The one way that the base library has to say "not authentic". Who gets here holds an invite, so it is seldom.
        try
        {
            key.Aead.Decrypt(ticket.Slice(1, NonceLength), ticket.Slice(HeaderLength, length), ticket[^TagLength..], plain, ticket[..1]);
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
        session = SealedSession.TryRead(plain, key.Number);
        CryptographicOperations.ZeroMemory(plain);
        if (session is null || now < session.IssuedAt || now - session.IssuedAt > Lifetime || now - session.ProvedAt > LongestChain || key.IsUsed(session.Serial))
            session = null;
        return session is not null;
    }

    /// <summary>Uses a ticket up.</summary>
    /// <returns>False if it was, or if its key has been forgotten meanwhile.</returns>
    public bool TrySpend(SealedSession session) => Find(session.KeyNumber) is { } key && key.TryUse(session.Serial);

    /// <summary>Whether the age that a client tells fits ours.</summary>
    public static bool IsFresh(Instant now, SealedSession session, uint obfuscatedAge)
    {
        TimeSpan told = TimeSpan.FromMilliseconds(unchecked(obfuscatedAge - session.AgeAdd));
        return (told - (now - session.IssuedAt)).Duration() <= AgeTolerance;
    }

    public void Dispose()
    {
        _current?.Dispose();
        _previous?.Dispose();
        (_current, _previous) = (null, null);
    }

    private Key? Find(byte number) => number == _current?.Number ? _current : number == _previous?.Number ? _previous : null;

    /// <summary>The key of this time; old ones go, and with them what was remembered of their tickets.</summary>
    private Key Advance(Instant now)
    {
        if (_current is { } key && now - key.Since < KeyPeriod)
            return key;
        _previous?.Dispose();
        _previous = _current;
        if (_previous is { } previous && now - previous.Since >= 2 * KeyPeriod)
        {
            previous.Dispose();
            _previous = null;
        }
        byte number = _current is { } last ? unchecked((byte)(last.Number + 1)) : (byte)0;
        Span<byte> secret = stackalloc byte[16];
        _randomness.FillSecret(secret);
        _current = new Key(number, now, secret);
        CryptographicOperations.ZeroMemory(secret);
        return _current;
    }

    private sealed class Key(byte number, Instant since, ReadOnlySpan<byte> secret) : IDisposable
    {
        private readonly ulong[] _used = new ulong[MaxPerKey / 64];

        public byte Number { get; } = number;

        public Instant Since { get; } = since;

        public AesGcm Aead { get; } = new(secret, TagLength);

        public int Issued { get; set; }

        // A serial that was never given cannot be authentic, so it is not expected; if it comes it counts as used.
        public bool IsUsed(uint serial) => serial >= (uint)Issued || (_used[serial >> 6] & Bit(serial)) != 0;

        public bool TryUse(uint serial)
        {
            if (IsUsed(serial))
                return false;
            _used[serial >> 6] |= Bit(serial);
            return true;
        }

        public void Dispose() => Aead.Dispose();

        private static ulong Bit(uint serial) => 1UL << (int)(serial & 63);
    }
}
