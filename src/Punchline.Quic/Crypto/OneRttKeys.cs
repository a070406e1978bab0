using System.Security.Cryptography;

namespace Punchline.Quic.Crypto;

/// <summary>
/// The keys of 1-RTT packets in both directions, through key updates (RFC 9001 section 6). Each direction counts its phases;
/// the write phase is the read phase, or one ahead while the peer has not yet followed an update of ours.
/// <code>
/// read:  previous (kept 3 PTO) ─ current ─ next (prepared ahead)
/// a packet with the current phase's bit → current
/// a packet with the other bit           → previous, if its number is below all of the current phase, else next
/// </code>
/// What opens with none of these is dropped (section 5.5). A key is never derived because of a packet's phase bit, so the time that a packet takes tells nothing of that bit
/// (section 9.5): the next keys are made when a PTO has passed since the last change, whatever packet comes then.
/// </summary>
internal sealed class OneRttKeys : IDisposable
{
    private readonly AeadLimits _limits;
    private readonly byte[] _nextWriteSecret = new byte[QuicKeyDerivation.SecretLength];
    private readonly byte[] _nextReadSecret = new byte[QuicKeyDerivation.SecretLength];

    private AeadKey _write;
    private AeadKey _read;
    private AeadKey? _nextWrite;
    private AeadKey? _nextRead;
    private AeadKey? _previousRead;

    private bool _readPhase;
    private Instant _readPhaseSince = Instant.Never;
    private ulong _lowestRead = ulong.MaxValue;
    private ulong _highestRead;
    private ulong _highestPrevious;

    private ulong _sealed;
    private ulong _lowestSealed;
    private bool _confirmed;
    private bool _acked;
    private bool _updatedBefore;
    private Instant _now;
    private TimeSpan _threePto;
    private Instant _updateNotBefore;

    /// <summary>Keys of phase 0 from the secrets of the handshake, which stay the caller's to erase.</summary>
    /// <param name="limits">Other limits than AES-128-GCM's, for tests.</param>
    public OneRttKeys(ReadOnlySpan<byte> writeSecret, ReadOnlySpan<byte> readSecret, AeadLimits? limits = null)
    {
        _limits = limits ?? AeadLimits.Aes128Gcm;
        _write = AeadKey.FromSecret(writeSecret);
        _read = AeadKey.FromSecret(readSecret);
        WriteHeader = HeaderKey.FromSecret(writeSecret);
        ReadHeader = HeaderKey.FromSecret(readSecret);
        QuicKeyDerivation.NextSecret(writeSecret, _nextWriteSecret);
        QuicKeyDerivation.NextSecret(readSecret, _nextReadSecret);
        _nextWrite = AeadKey.FromSecret(_nextWriteSecret);
        _nextRead = AeadKey.FromSecret(_nextReadSecret);
    }

    /// <summary>The Key Phase bit of packets to be sealed.</summary>
    public bool KeyPhase { get; private set; }

    /// <summary>Header protection of what we send; the same in all phases.</summary>
    public HeaderKey WriteHeader { get; }

    /// <summary>Header protection of what we receive; the same in all phases.</summary>
    public HeaderKey ReadHeader { get; }

    /// <summary>Packets of the connection that failed to open, with whatever keys (section 6.6); those of the handshake are added from outside.</summary>
    public ulong Failed { get; set; }

    /// <summary>True if the peer has not yet answered an update of ours with packets of the new phase.</summary>
    private bool IsWriteAhead => KeyPhase != _readPhase;

    /// <summary>
    /// True if <see cref="TryUpdate"/> would succeed: the handshake is confirmed, the peer has acknowledged a packet of this
    /// phase (section 6.1), and since the acknowledgement of the update before three PTOs have passed (section 6.5).
    /// </summary>
    public bool CanUpdate => _confirmed && _acked && !IsWriteAhead && _nextWrite is not null && _now >= _updateNotBefore;

    /// <summary>True if enough packets were sealed with this key that its successor is wanted.</summary>
    public bool NeedsUpdate => _sealed >= _limits.Update;

    /// <summary>True if nothing more may be sealed but a close with AEAD_LIMIT_REACHED, for which some packets are left.</summary>
    public bool IsExhausted => _sealed >= _limits.Exhausted;

    /// <summary>Encrypts a packet in place; see <see cref="AeadKey.Seal"/>. Beyond the limit a programming error.</summary>
    public void Seal(Span<byte> packet, int headerLength, ulong pn)
    {
        if (_sealed >= _limits.Confidentiality)
            throw new InvalidOperationException("The key has sealed as many packets as it may.");
        if (_sealed++ == 0)
            _lowestSealed = pn;
        _write.Seal(packet, headerLength, pn);
    }

    /// <summary>Decrypts a packet in place; see <see cref="AeadKey.TryOpen"/>.</summary>
    /// <param name="keyPhaseBit">The packet's Key Phase bit, its header protection removed.</param>
    /// <param name="threePto">Three times the probe timeout: how long old keys are kept (section 6.5).</param>
    public OpenResult TryOpen(Span<byte> packet, int headerLength, ulong pn, bool keyPhaseBit, Instant now, TimeSpan threePto)
    {
        _now = now;
        _threePto = threePto;
        KeepTime();
        if (Failed > _limits.Integrity)
            return OpenResult.IntegrityLimit;

        if (keyPhaseBit == _readPhase)
            return _read.TryOpen(packet, headerLength, pn) ? OnOpenedWithCurrent(pn) : OnFailed();
        if (_previousRead is { } previous && pn < _lowestRead)
            return previous.TryOpen(packet, headerLength, pn) ? OnOpenedWithPrevious(pn) : OnFailed();
        // While the next keys are not made, other keys stand in, which fail and take as long (section 6.3).
        if (_nextRead is not { } next)
        {
            _read.TryOpen(packet, headerLength, pn);
            return OnFailed();
        }
        return next.TryOpen(packet, headerLength, pn) ? OnOpenedWithNext(pn) : OnFailed();
    }

    /// <summary>The handshake is confirmed (section 4.1.2): updates may begin.</summary>
    public void OnConfirmed() => _confirmed = true;

    /// <summary>The peer acknowledged 1-RTT packets; to be called while the packet that says so is processed.</summary>
    public void OnAcked(ulong largestAcked)
    {
        if (_acked || _sealed == 0 || largestAcked < _lowestSealed)
            return;
        _acked = true;
        // Section 6.5: the peer may still keep old keys in the place of the next ones.
        if (_updatedBefore)
            _updateNotBefore = _now + _threePto;
    }

    /// <summary>Begins an update (section 6.1): all packets from now on are of the next phase.</summary>
    /// <returns>False, and nothing changes, unless <see cref="CanUpdate"/>.</returns>
    public bool TryUpdate()
    {
        if (!CanUpdate)
            return false;
        AdvanceWrite();
        return true;
    }

    public void Dispose()
    {
        _write.Dispose();
        _read.Dispose();
        _nextWrite?.Dispose();
        _nextRead?.Dispose();
        _previousRead?.Dispose();
        WriteHeader.Dispose();
        ReadHeader.Dispose();
        CryptographicOperations.ZeroMemory(_nextWriteSecret);
        CryptographicOperations.ZeroMemory(_nextReadSecret);
    }

    /// <summary>What time alone does: makes the next keys a PTO after a change, drops the previous ones after three.</summary>
    private void KeepTime()
    {
        if (!_readPhaseSince.IsSet)
            return;
        if (_nextRead is null && _now >= _readPhaseSince + _threePto / 3)
        {
            _nextRead = AdvanceSecret(_nextReadSecret);
            _nextWrite = AdvanceSecret(_nextWriteSecret);
        }
        if (_previousRead is not null && _now >= _readPhaseSince + _threePto)
        {
            _previousRead.Dispose();
            _previousRead = null;
        }
    }

    /// <summary>Replaces a secret by its successor, from which nobody can go back, and makes the successor's key.</summary>
    private static AeadKey AdvanceSecret(Span<byte> secret)
    {
        Span<byte> next = stackalloc byte[QuicKeyDerivation.SecretLength];
        QuicKeyDerivation.NextSecret(secret, next);
        next.CopyTo(secret);
        CryptographicOperations.ZeroMemory(next);
        return AeadKey.FromSecret(secret);
    }

    private OpenResult OnOpenedWithCurrent(ulong pn)
    {
        // Section 6.4: old keys on a packet behind one with newer keys.
        if (pn < _highestPrevious)
            return OpenResult.KeyUpdateError;
        _lowestRead = Math.Min(_lowestRead, pn);
        _highestRead = Math.Max(_highestRead, pn);
        return OpenResult.Opened;
    }

    private OpenResult OnOpenedWithPrevious(ulong pn)
    {
        _highestPrevious = Math.Max(_highestPrevious, pn);
        return OpenResult.Opened;
    }

    private OpenResult OnOpenedWithNext(ulong pn)
    {
        // Section 6.4: the numbers of a newer phase are higher than all of an older one.
        if (pn < _highestRead)
            return OpenResult.KeyUpdateError;
        // Section 6.2: a peer that has had no packet of this phase from us cannot have had the acknowledgement that permits it to go on.
        if (!IsWriteAhead && _sealed == 0)
            return OpenResult.KeyUpdateError;
        // Section 6.2: our packets follow before anything acknowledges this one.
        if (!IsWriteAhead)
            AdvanceWrite();
        _previousRead?.Dispose();
        _previousRead = _read;
        _read = _nextRead!;
        _nextRead = null;
        _readPhase = !_readPhase;
        _readPhaseSince = _now;
        _highestPrevious = _highestRead;
        _lowestRead = pn;
        _highestRead = pn;
        return OpenResult.Opened;
    }

    private OpenResult OnFailed() => ++Failed > _limits.Integrity ? OpenResult.IntegrityLimit : OpenResult.Failed;

    private void AdvanceWrite()
    {
        _write.Dispose();
        _write = _nextWrite!;
        _nextWrite = null;
        KeyPhase = !KeyPhase;
        _sealed = 0;
        _acked = false;
        _updatedBefore = true;
        _updateNotBefore = Instant.Zero;
    }
}
