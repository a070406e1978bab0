using System.Text;
using Punchline.Invites;

namespace Punchline.Fuzz.Targets;

/// <summary>Invites that the targets begin from.</summary>
internal static class InviteSeeds
{
    public static IEnumerable<Invite> All
    {
        get
        {
            yield return Of("example.org:3478");
            yield return Of("wss://example.org", "192.0.2.1:9", "[2001:db8::1]:3478");
        }
    }

    private static Invite Of(params string[] servers) =>
        new(new byte[32], new byte[] { 1, 2, 3, 4, 5, 6, 7, 8 }, new byte[16], [.. servers.Select(Parse)]);

    private static ServerAddress Parse(string text) =>
        ServerAddress.TryParse(text, out ServerAddress? address) ? address! : throw new InvalidOperationException(text);
}

/// <summary>An invite as it comes out of a chat program (docs/wire/invite.md).</summary>
internal sealed class InviteTextTarget : IFuzzTarget
{
    public string Name => "invite-text";

    public string Reads => "the text of an invite";

    public int MaxLength => 2048;

    // Text has two bytes for one, and is stripped, cut and decoded in copies.
    public AllocationBound Allocation => new(16_384, 64);

    public int TestRuns => 20_000;

    public IEnumerable<byte[]> Seeds()
    {
        foreach (Invite invite in InviteSeeds.All)
        {
            yield return Encoding.UTF8.GetBytes(invite.ToString());
            yield return Encoding.UTF8.GetBytes($"come and play: `{invite.ToUri()}`\n");
        }
    }

    public void Run(ReadOnlySpan<byte> input)
    {
        bool isInvite = Invite.TryParse(Encoding.UTF8.GetString(input), out Invite? invite, out InviteError error, out string explanation);
        Check.That(isInvite == (error == InviteError.None) && isInvite == invite is not null && isInvite == (explanation.Length == 0), "an invite and no invite");
        if (invite is null)
            return;
        Check.That(Invite.TryParse(invite.ToString(), out Invite? again, out _, out _), "an invite that we write is none");
        Check.Same(InviteCodec.Encode(invite), InviteCodec.Encode(again!), "an invite does not come back");
    }
}

/// <summary>The fields of an invite behind its checksum, which a mutation would never get right.</summary>
internal sealed class InviteFieldTarget : IFuzzTarget
{
    public string Name => "invite-fields";

    public string Reads => "the fields of an invite";

    public int MaxLength => InviteCodec.MaxFieldsLength;

    public AllocationBound Allocation => new(24_576, 32);

    public int TestRuns => 40_000;

    public IEnumerable<byte[]> Seeds() =>
        InviteSeeds.All.Select(static invite => InviteCodec.Encode(invite)[InviteCodec.LengthLength..^InviteCodec.ChecksumLength]);

    public void Run(ReadOnlySpan<byte> input)
    {
        InviteError error = InviteCodec.ReadFields(input, out Invite? invite);
        Check.That(error == InviteError.None == invite is not null, "an invite and no invite");
        if (invite is null)
            return;
        byte[] written = InviteCodec.Encode(invite);
        Check.That(InviteCodec.ReadFields(written.AsSpan(InviteCodec.LengthLength..^InviteCodec.ChecksumLength), out Invite? again) == InviteError.None, "fields that we write are none");
        Check.Same(written, InviteCodec.Encode(again!), "fields do not come back");
        foreach (ServerAddress server in invite.Servers)
            Check.That(server.WebSocketUri.Port == server.Port, "another port is dialled");
    }
}

/// <summary>A server's address as people write it, and as a program's options hold it.</summary>
internal sealed class ServerAddressTarget : IFuzzTarget
{
    public string Name => "server-address";

    public string Reads => "the text of a server's address";

    public int MaxLength => 512;

    public AllocationBound Allocation => new(8192, 64);

    public int TestRuns => 40_000;

    public IEnumerable<byte[]> Seeds() => new[]
    {
        "example.org", "example.org:3478", "192.0.2.1:80", "[2001:db8::1]:3478", "2001:db8::1", "wss://Example.ORG/", "ws://a_b.example:8080", "punch://x",
    }.Select(Encoding.UTF8.GetBytes);

    public void Run(ReadOnlySpan<byte> input)
    {
        if (!ServerAddress.TryParse(Encoding.UTF8.GetString(input), out ServerAddress? address))
        {
            Check.That(address is null, "an address and no address");
            return;
        }
        Check.That(address!.Port is >= 1 and <= 65_535 && address.Name.Length is > 0 and <= ServerAddress.MaxNameLength, "an address out of its range");
        Check.That(ServerAddress.TryParse(address.ToString(), out ServerAddress? again) && address.Equals(again), "an address does not come back");
        Check.That(address.WebSocketUri.Port == address.Port, "another port is dialled");
    }
}
