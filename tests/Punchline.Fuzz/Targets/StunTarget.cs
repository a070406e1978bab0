using System.Net;
using Punchline.Quic;
using Punchline.Stun;

namespace Punchline.Fuzz.Targets;

/// <summary>STUN: the message with its attributes (RFC 8489), and what the server answers.</summary>
internal sealed class StunTarget : IFuzzTarget
{
    private static readonly UdpAddress Source = new(IPAddress.Parse("2001:db8::7"), 4433);
    private static readonly StunServerAddresses Server = new(new UdpAddress(IPAddress.Parse("192.0.2.1"), 3478), 3479, new UdpAddress(IPAddress.Parse("192.0.2.2"), 0));
    private static readonly StunTransactionId Id = new(0xb7e7_a701, 0xbc34_d686_fa87_dfae);
    private static readonly byte[] Key = "VOkJxbRl1RmTxUk/WvJxBt"u8.ToArray();

    public string Name => "stun";

    public string Reads => "STUN messages, and the server's answers to them";

    public int MaxLength => 1280;

    public AllocationBound Allocation => new(2048, 4);

    public int TestRuns => 60_000;

    public IEnumerable<byte[]> Seeds() => [Request(isPlain: true), Request(isPlain: false), Success(), Refusal(), OfRfc3489()];

    public void Run(ReadOnlySpan<byte> input)
    {
        Span<byte> buffer = stackalloc byte[StunMessage.MaxLength];
        bool isAnswered = StunResponder.TryRespond(input, Source, Server, buffer, out StunReply reply);
        if (!StunMessage.TryRead(input, out StunMessage message))
        {
            Check.That(!isAnswered, "an answer to what is no message");
            return;
        }
        foreach (StunAttribute attribute in message)
            Check.That(attribute.Offset + StunMessage.AttributeHeaderLength + attribute.Value.Length <= input.Length, "an attribute ends beyond its message");
        message.TryFindErrorCode(out int code);
        Check.That(code is 0 or (>= 300 and <= 699), "an error code that is none");
        message.TryFindChange(out _);
        message.HasIntegrity(Key);
        message.HasIntegritySha256(Key);
        if (message.TryFindMappedAddress(out UdpAddress mapped))
            AddressComesBack(mapped, message.TransactionId);
        Check.That(StunMessage.TypeOf(message.Class, message.Method) == (ushort)(input[0] << 8 | input[1]), "a type does not come back");

        if (!isAnswered)
            return;
        Check.That(message.Class == StunClass.Request && message.CheckFingerprint() != StunFingerprint.Invalid, "an answer to what is no request");
        Check.That(reply.Length <= input.Length * StunResponder.MaxAmplification, "an answer that amplifies");
        Check.That(StunMessage.TryRead(buffer[..reply.Length], out StunMessage answer), "an answer that is no message");
        Check.That(answer.TransactionId == message.TransactionId && answer.Class is StunClass.Success or StunClass.Error, "an answer to another request");
        Check.That(answer.CheckFingerprint() != StunFingerprint.Invalid, "a wrong fingerprint of ours");
        Check.That(answer.Class == StunClass.Error || (answer.TryFindMappedAddress(out UdpAddress told) && told == Source), "an answer without the address");
    }

    private static void AddressComesBack(in UdpAddress address, in StunTransactionId id)
    {
        Span<byte> value = stackalloc byte[StunAddress.LengthOf(address)];
        StunAddress.WriteXored(address, id, value);
        Check.That(StunAddress.TryReadXored(value, id, out UdpAddress again) && again == address, "an address does not come back");
    }

    private static byte[] Request(bool isPlain)
    {
        byte[] buffer = new byte[StunMessage.MaxLength];
        var writer = new StunWriter(buffer, StunClass.Request, StunMessage.Binding, Id);
        if (!isPlain)
        {
            writer.AddChangeRequest(StunChange.Address | StunChange.Port);
            writer.Add(StunAttributeType.Software, "Punchline"u8);
            writer.AddIntegrity(Key);
            writer.AddIntegritySha256(Key);
            writer.AddFingerprint();
        }
        return buffer[..writer.Length];
    }

    private static byte[] Success()
    {
        byte[] buffer = new byte[StunMessage.MaxLength];
        var writer = new StunWriter(buffer, StunClass.Success, StunMessage.Binding, Id);
        writer.AddXorMappedAddress(Source);
        writer.AddAddress(StunAttributeType.ResponseOrigin, Server.Reached);
        writer.AddAddress(StunAttributeType.OtherAddress, Server.Other);
        writer.AddFingerprint();
        return buffer[..writer.Length];
    }

    private static byte[] Refusal()
    {
        byte[] buffer = new byte[StunMessage.MaxLength];
        var writer = new StunWriter(buffer, StunClass.Error, StunMessage.Binding, Id);
        writer.AddErrorCode(420, "Unknown"u8);
        writer.AddUnknownAttributes([StunAttributeType.ChangeRequest, (StunAttributeType)0x7f]);
        return buffer[..writer.Length];
    }

    private static byte[] OfRfc3489()
    {
        byte[] buffer = new byte[StunMessage.MaxLength];
        var writer = new StunWriter(buffer, StunClass.Success, StunMessage.Binding, Id);
        writer.AddAddress(StunAttributeType.MappedAddress, Server.Reached);
        return buffer[..writer.Length];
    }
}
