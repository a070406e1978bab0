using System.Buffers.Binary;
using System.Globalization;

namespace Punchline.Invites;

/// <summary>The 8 bytes that name an invite, or a friend, at a host. They travel in the clear.</summary>
internal readonly record struct InviteId(ulong Value)
{
    public static InviteId Read(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadUInt64BigEndian(bytes));

    public void Write(Span<byte> destination) => BinaryPrimitives.WriteUInt64BigEndian(destination, Value);

    public byte[] ToArray()
    {
        byte[] bytes = new byte[Invite.IdLength];
        Write(bytes);
        return bytes;
    }

    public override string ToString() => Value.ToString("x16", CultureInfo.InvariantCulture);
}
