using Punchline.Quic.Wire;

namespace Punchline.Interop.Http3;

/// <summary>Takes the frames of one request stream apart as they arrive, and compares the body with what it must be.</summary>
/// <param name="expectedBody">The body, to its end.</param>
internal sealed class MessageReader(ReadOnlyMemory<byte> expectedBody)
{
    private readonly List<byte> _waiting = [];
    private ulong _type;
    private ulong _left;

    /// <summary>The status of the answer, once its HEADERS are there.</summary>
    public int Status { get; private set; }

    /// <summary>Body bytes so far.</summary>
    public int BodyBytes { get; private set; }

    /// <summary>The first body byte that is not as it must be, or null.</summary>
    public int? FirstWrongByte { get; private set; }

    /// <summary>True once the body is whole, and right.</summary>
    public bool IsWhole => FirstWrongByte is null && BodyBytes == expectedBody.Length;

    /// <summary>Takes the next bytes of the stream.</summary>
    public void Take(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (_left > 0)
            {
                int count = (int)Math.Min(_left, (ulong)bytes.Length);
                TakePayload(bytes[..count]);
                bytes = bytes[count..];
                continue;
            }
            _waiting.Add(bytes[0]);
            bytes = bytes[1..];
            var reader = new WireReader([.. _waiting]);
            if (!reader.TryReadVarInt(out ulong type) || !reader.TryReadVarInt(out ulong length))
                continue;
            _waiting.Clear();
            (_type, _left) = (type, length);
        }
    }

    private void TakePayload(ReadOnlySpan<byte> bytes)
    {
        _left -= (ulong)bytes.Length;
        switch (_type)
        {
            case Http3Wire.Data:
                TakeBody(bytes);
                break;
            case Http3Wire.Headers:
                _waiting.AddRange(bytes);
                if (_left > 0)
                    break;
                if (Status == 0)
                    Status = Http3Wire.StatusOf([.. _waiting]);
                _waiting.Clear();
                break;
            default:
                break; // RFC 9114 section 9: what is unknown is passed over.
        }
    }

    private void TakeBody(ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<byte> expected = expectedBody.Span[Math.Min(BodyBytes, expectedBody.Length)..];
        int common = bytes.CommonPrefixLength(expected);
        if (common < bytes.Length)
            FirstWrongByte ??= BodyBytes + common;
        BodyBytes += bytes.Length;
    }
}
