using System.Net;
using Punchline.Invites;
using Punchline.Protocol;
using Punchline.Quic;

namespace Punchline.Fuzz.Targets;

/// <summary>A message of the control channel between a peer and a server (docs/wire/control.md), either way.</summary>
internal sealed class ControlTarget : IFuzzTarget
{
    private static readonly UdpAddress Address = new(IPAddress.Parse("192.0.2.7"), 4433);

    public string Name => "control";

    public string Reads => "messages of the control channel";

    public int MaxLength => 4096;

    // Entries are copied into objects of their own, twice as the message is read twice here, and texts have two bytes for one.
    public AllocationBound Allocation => new(24_576, 40);

    public int TestRuns => 40_000;

    public IEnumerable<byte[]> Seeds()
    {
        var id = new InviteId(0xa0a1_a2a3_a4a5_a6a7);
        RelayEntry[] entries = [new(id, new byte[32]), new(new InviteId(5), new byte[32])];
        EndedEntry[] ended = [new(id, new byte[16])];
        ControlMessage[] messages =
        [
            new ServerHello(1, 1, ControlFeatures.None, new byte[32], 3478, 3479, [Address, new UdpAddress(IPAddress.IPv6Loopback, 3478)], "0.1.0") { Relay = RelayLevel.Limited, PairRate = 1_000_000 },
            new Register(1, ControlFeatures.None, new byte[32], "example.org:3478", new byte[91], 5, "0.1.0", entries) { PasswordProof = new byte[32], Signature = new byte[70], Ended = ended },
            new Registered(1, new byte[16], Address, 256),
            new Open(1, ControlFeatures.None, new byte[32], "example.org:3478", new byte[32], id, "0.1.0") { Mac = new byte[32] },
            new Opened(1, new byte[16], 7, Address),
            new ErrorMessage(ControlError.HostOffline, "host offline"),
            new ErrorMessage(ControlError.UnknownInvite, "ünbekannt") { EndProof = new byte[16] },
            new SetInvites(entries, ended),
            new SetDoorNonce(7),
            new PairOpened(1, id, Address),
            new PairClosed(1, PairCloseReason.ClientLeft),
            new Displaced(),
            new ShuttingDown(30),
            new Ping(7),
            new Pong(7),
            new Attest(1),
            new Attested(1, Address),
            new RelayLimit(1, RelayLimitReason.Pair, 3600),
        ];
        return messages.Select(ControlCodec.Write);
    }

    public void Run(ReadOnlySpan<byte> input)
    {
        ControlReadStatus status = ControlCodec.TryRead(input, out ControlMessage? message);
        Check.That((status == ControlReadStatus.Ok) == (message is not null), "a message and no message");
        if (message is null)
            return;
        byte[] written = ControlCodec.Write(message);
        Check.That(written.Length <= ControlCodec.MaxMessageLength, "a message that grows");
        Check.That(ControlCodec.TryRead(written, out ControlMessage? again) == ControlReadStatus.Ok, "a message that we write is none");
        Check.That(again!.Type == message.Type, "a message of another type");
        Check.Same(written, ControlCodec.Write(again), "a message does not come back");
    }
}
