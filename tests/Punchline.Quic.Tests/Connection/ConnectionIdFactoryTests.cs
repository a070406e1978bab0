using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Connection;

/// <summary>Connection ids and their stateless reset tokens (RFC 9000 sections 5.1 and 10.3.2).</summary>
public sealed class ConnectionIdFactoryTests
{
    private static readonly byte[] Key = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];

    [Fact]
    public void Ids_have_one_length_differ_and_are_known_by_their_mark()
    {
        var factory = new ConnectionIdFactory(Key, new SeededRandomness(1));
        var seen = new HashSet<ConnectionId>();
        for (int i = 0; i < 10_000; i++)
        {
            ConnectionId id = factory.Create();
            Assert.Equal(ConnectionIdFactory.Length, id.Length);
            Assert.True(seen.Add(id));
            Assert.True(factory.IsMarked(id));
        }
        var other = new ConnectionIdFactory(new byte[32], new SeededRandomness(2));
        Assert.DoesNotContain(seen.Take(1000), id => other.IsMarked(id));
    }

    [Fact]
    public void Tokens_follow_from_key_and_id_alone()
    {
        var random = new SeededRandomness(3);
        var factory = new ConnectionIdFactory(Key, random);
        var restarted = new ConnectionIdFactory(Key, random);
        var stranger = new ConnectionIdFactory(new byte[32], random);
        var tokens = new HashSet<string>();
        for (int i = 0; i < 1000; i++)
        {
            ConnectionId id = factory.Create();
            string token = TokenOf(factory, id);
            Assert.True(tokens.Add(token), "one token for two ids");
            Assert.Equal(token, TokenOf(restarted, id));
            Assert.NotEqual(token, TokenOf(stranger, id));
        }
    }

    private static string TokenOf(ConnectionIdFactory factory, in ConnectionId id)
    {
        Span<byte> token = stackalloc byte[ConnectionIdFactory.ResetTokenLength];
        factory.WriteResetToken(id, token);
        return Convert.ToHexString(token);
    }
}
