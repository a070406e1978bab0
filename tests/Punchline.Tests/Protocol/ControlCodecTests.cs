using System.Net;
using System.Security.Cryptography;
using System.Text;
using Punchline.Invites;
using Punchline.Protocol;
using Punchline.Quic;
using Punchline.Tests.Invites;
using Xunit;

namespace Punchline.Tests.Protocol;

public sealed class ControlCodecTests
{
    private const string Name = "example.org:3478";
    private static readonly UdpAddress Address = new(IPAddress.Parse("192.0.2.7"), 4433);
    private static readonly byte[] ServerNonce = Samples.Count(0x90, 32);

    [Fact]
    public void The_golden_samples_are_what_we_write()
    {
        string[] golden = Samples.Of("control.md");
        byte[] relayKey = InviteKeys.Relay(Samples.Secret, Name);
        Assert.Equal(golden[0], Convert.ToHexStringLower(relayKey));
        Assert.Equal(golden[1], Convert.ToHexStringLower(ControlCodec.Write(SampleOpen())));
        Assert.Equal(golden[2], Convert.ToHexStringLower(ControlProof.PasswordKey("hunter2")));
        Assert.Equal(golden[3], Convert.ToHexStringLower(ControlCodec.Write(
            new ServerHello(1, 1, ControlFeatures.ChannelFrames, ServerNonce, 3478, 3479, [], "0.1.0") { Relay = RelayLevel.Limited, PairRate = 1_000_000 })));
        Assert.Equal(golden[4], Convert.ToHexStringLower(ControlCodec.Write(new PairOpened(0x0102030405060708, Samples.Id, Address))));
        Assert.Equal(golden[5], Convert.ToHexStringLower(ControlCodec.Write(new ErrorMessage(ControlError.HostOffline, "host offline"))));
        Assert.Equal(golden[6], Convert.ToHexStringLower(ControlCodec.Write(new ShuttingDown(10))));
        Assert.Equal(golden[7], Convert.ToHexStringLower(ControlCodec.Write(new Attest(0x0102030405060708))));
        Assert.Equal(golden[8], Convert.ToHexStringLower(ControlCodec.Write(new Attested(0x0102030405060708, Address))));
        Assert.Equal(golden[9], Convert.ToHexStringLower(ControlCodec.Write(new RelayLimit(0x0102030405060708, RelayLimitReason.Pair, 3600))));
    }

    [Fact]
    public void Every_message_comes_back_as_it_was_and_no_part_of_it_is_one()
    {
        foreach (ControlMessage message in AllMessages())
        {
            byte[] bytes = ControlCodec.Write(message);
            Assert.Equal(ControlReadStatus.Ok, ControlCodec.TryRead(bytes, out ControlMessage? read));
            Assert.Equal(message.GetType(), read!.GetType());
            Assert.Equal(bytes, ControlCodec.Write(read));
            // A later version may append fields.
            Assert.Equal(ControlReadStatus.Ok, ControlCodec.TryRead([.. bytes, 1, 2, 3], out _));
            for (int length = 0; length < bytes.Length; length++)
            {
                bool whole = length == bytes.Length - AppendedLength(message);
                Assert.Equal(whole ? ControlReadStatus.Ok : ControlReadStatus.Malformed, ControlCodec.TryRead(bytes.AsSpan(0, length), out _));
            }
        }
    }

    [Fact]
    public void Without_the_appended_fields_a_server_relays_handshakes_alone_and_peers_come_back_at_once()
    {
        byte[] hello = ControlCodec.Write(new ServerHello(1, 1, ControlFeatures.None, ServerNonce, 3478, 3479, [], "0.1.0") { Relay = RelayLevel.On, PairRate = 7 });
        ControlCodec.TryRead(hello.AsSpan(0, hello.Length - 5), out ControlMessage? read);
        Assert.Equal((RelayLevel.Off, 0u), (Assert.IsType<ServerHello>(read).Relay, ((ServerHello)read!).PairRate));
        ControlCodec.TryRead(ControlCodec.Write(new ShuttingDown(9)).AsSpan(0, 2), out read);
        Assert.Equal(0, Assert.IsType<ShuttingDown>(read).Spread);
    }

    [Fact]
    public void Mutated_messages_never_throw()
    {
        var random = new Random(5);
        foreach (ControlMessage message in AllMessages())
        {
            byte[] bytes = ControlCodec.Write(message);
            for (int i = 0; i < 3000; i++)
            {
                byte[] mutated = [.. bytes];
                for (int j = random.Next(1, 4); j > 0; j--)
                    mutated[random.Next(mutated.Length)] = (byte)random.Next(256);
                if (ControlCodec.TryRead(mutated.AsSpan(0, random.Next(mutated.Length + 1)), out ControlMessage? read) == ControlReadStatus.Ok)
                    Assert.NotNull(read);
            }
        }
    }

    [Fact]
    public void Unknown_messages_are_skipped_unless_critical()
    {
        Assert.Equal(ControlReadStatus.Skip, ControlCodec.TryRead([0x7f, 0xff, 1], out _));
        Assert.Equal(ControlReadStatus.UnknownCritical, ControlCodec.TryRead([0xff, 0xff, 1], out _));
        // DOOR_NONCE_CHANGED of earlier versions.
        Assert.Equal(ControlReadStatus.Skip, ControlCodec.TryRead([0x00, 0x0f, 1, 2, 3, 4, 5, 6, 7, 8], out _));
    }

    [Fact]
    public void What_a_proof_covers_is_what_is_written_and_what_came()
    {
        var open = new Open(1, ControlFeatures.None, Samples.Count(0xb0, 32), "a\u001bb:1", Samples.HostId, Samples.Id, "v") { Mac = new byte[32] };
        byte[] bytes = ControlCodec.Write(open);
        Assert.Equal(bytes[2..^32], open.Content);
        ControlCodec.TryRead(bytes, out ControlMessage? read);
        // The name was made fit for a terminal; the bytes that the MAC covers were not.
        Assert.Equal("a?b:1", Assert.IsType<Open>(read).Name);
        Assert.Equal(open.Content, ((Open)read!).Content);
        // Of our own the fields count as they are now.
        Assert.NotEqual(open.Content, (open with { Name = "other:1" }).Content);

        Register register = SampleRegister(2) with { PasswordProof = new byte[32] };
        bytes = ControlCodec.Write(register);
        Assert.Equal(bytes[2..^(1 + 32 + 1 + register.Signature.Length + 1)], register.Content);
        ControlCodec.TryRead(bytes, out read);
        Assert.Equal(register.Content, Assert.IsType<Register>(read).Content);
    }

    [Fact]
    public void A_full_registration_fits_into_a_message()
    {
        Register register = SampleRegister(ControlCodec.MaxEntries) with
        {
            Name = new string('n', ServerAddress.MaxNameLength) + ":65535", ProgramVersion = new string('v', 64),
        };
        register = register with
        {
            PasswordProof = new byte[32], Signature = new byte[72],
            Ended = [.. Enumerable.Range(0, ControlCodec.MaxEnded).Select(i => new EndedEntry(new InviteId((ulong)i), new byte[16]))],
        };
        byte[] bytes = ControlCodec.Write(register);
        Assert.InRange(bytes.Length, 1, ControlCodec.MaxMessageLength);
        Assert.Equal(ControlReadStatus.Ok, ControlCodec.TryRead(bytes, out ControlMessage? read));
        Assert.Equal(ControlCodec.MaxEnded, Assert.IsType<Register>(read).Ended.Count);
    }

    [Fact]
    public void An_unknown_invite_may_come_with_a_proof_of_its_end_and_need_not()
    {
        var error = new ErrorMessage(ControlError.UnknownInvite, "x") { EndProof = Samples.Count(1, 16) };
        byte[] bytes = ControlCodec.Write(error);
        Assert.Equal(ControlReadStatus.Ok, ControlCodec.TryRead(bytes, out ControlMessage? read));
        Assert.Equal(error.EndProof, Assert.IsType<ErrorMessage>(read).EndProof);
        for (int less = 1; less <= 16; less++)
        {
            Assert.Equal(ControlReadStatus.Ok, ControlCodec.TryRead(bytes.AsSpan(0, bytes.Length - less), out read));
            Assert.Empty(Assert.IsType<ErrorMessage>(read).EndProof);
        }
    }

    [Fact]
    public void Texts_from_outside_lose_their_control_characters()
    {
        byte[] bytes = ControlCodec.Write(new ErrorMessage(ControlError.Malformed, "a\u001b[31mb\n"));
        ControlCodec.TryRead(bytes, out ControlMessage? read);
        Assert.Equal("a?[31mb?", Assert.IsType<ErrorMessage>(read).Text);
        bytes[^1] = 0xff;
        Assert.Equal(ControlReadStatus.Malformed, ControlCodec.TryRead(bytes, out _));
    }

    [Fact]
    public void A_signature_is_for_one_role_name_nonce_and_content()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] spki = key.ExportSubjectPublicKeyInfo();
        Register register = SampleRegister(1) with { PublicKey = spki };
        byte[] input = ControlProof.HostSignatureInput(Name, ServerNonce, register);
        byte[] signature = key.SignData(input, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        Assert.True(ControlProof.VerifyHostSignature(spki, input, signature));
        Assert.False(ControlProof.VerifyHostSignature(spki, ControlProof.HostSignatureInput("other:3478", ServerNonce, register), signature));
        Assert.False(ControlProof.VerifyHostSignature(spki, ControlProof.HostSignatureInput(Name, Samples.Count(1, 32), register), signature));
        Assert.False(ControlProof.VerifyHostSignature(spki, ControlProof.HostSignatureInput(Name, ServerNonce, register with { Nonce = new byte[32] }), signature));
        Assert.False(ControlProof.VerifyHostSignature(spki, ControlProof.HostSignatureInput(Name, ServerNonce, register with { DoorNonce = 6 }), signature));
        for (int i = 0; i < spki.Length; i++)
        {
            byte[] altered = [.. spki];
            altered[i] ^= 1;
            Assert.False(ControlProof.VerifyHostSignature(altered, input, signature));
        }
        for (int i = 0; i < signature.Length; i++)
            Assert.False(ControlProof.VerifyHostSignature(spki, input, signature.AsSpan(0, i)));
    }

    [Fact]
    public void Relay_keys_differ_by_server_and_from_the_door_key()
    {
        byte[] here = InviteKeys.Relay(Samples.Secret, Name);
        Assert.NotEqual(here, InviteKeys.Relay(Samples.Secret, "example.org:3479"));
        Assert.NotEqual(here[..16], InviteKeys.Door(Samples.Secret));
    }

    private static Open SampleOpen()
    {
        var open = new Open(1, ControlFeatures.None, Samples.Count(0xb0, 32), Name, Samples.HostId, Samples.Id, "0.1.0");
        return open with { Mac = ControlProof.OpenMac(InviteKeys.Relay(Samples.Secret, Name), Name, ServerNonce, open) };
    }

    private static Register SampleRegister(int entries)
    {
        var list = Enumerable.Range(0, entries).Select(i => new RelayEntry(new InviteId((ulong)i), new byte[32])).ToList();
        var register = new Register(1, ControlFeatures.None, Samples.Count(0xb0, 32), Name, new byte[91], 5, "0.1.0", list);
        return register with { Signature = Encoding.ASCII.GetBytes("signature") };
    }

    private static IEnumerable<ControlMessage> AllMessages() =>
    [
        new ServerHello(1, 2, (ControlFeatures)3, ServerNonce, 4, 5, [Address, new UdpAddress(IPAddress.IPv6Loopback, 6)], "v") { Relay = RelayLevel.On, PairRate = 8 },
        SampleRegister(3),
        SampleRegister(0) with { PasswordProof = new byte[32] },
        new Registered(1, new byte[16], Address, 7),
        SampleOpen(),
        new Opened(1, new byte[16], 2, new UdpAddress(IPAddress.IPv6Loopback, 6)),
        new ErrorMessage(ControlError.TooFast, "é"),
        new SetInvites([new RelayEntry(Samples.Id, new byte[32])], [new EndedEntry(Samples.Id, Samples.Count(1, 16))]),
        new SetDoorNonce(9),
        new PairOpened(1, Samples.Id, Address),
        new PairClosed(1, PairCloseReason.HostLeft),
        new Displaced(),
        new ShuttingDown(30),
        new Ping(1),
        new Pong(2),
        new Attest(3),
        new Attested(4, Address),
        new RelayLimit(5, RelayLimitReason.Server, 6),
    ];

    // Bytes of the fields that came with later versions: all of them or none.
    private static int AppendedLength(ControlMessage message) => message switch { ServerHello => 5, ShuttingDown => 2, _ => 0 };
}
