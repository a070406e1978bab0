using System.Buffers.Binary;
using Punchline.Quic.Tls;

namespace Punchline.Quic.Tests.Tls;

/// <summary>Takes handshake messages apart and puts them together again, right or wrong, as a test wishes.</summary>
internal static class MessageEditor
{
    /// <summary>A message of a type and a body.</summary>
    public static byte[] Message(HandshakeType type, params byte[] body) =>
        [(byte)type, (byte)(body.Length >> 16), (byte)(body.Length >> 8), (byte)body.Length, .. body];

    /// <summary>The content with its 16-bit length before it.</summary>
    public static byte[] Vector16(byte[] content) => [(byte)(content.Length >> 8), (byte)content.Length, .. content];

    /// <summary>The content with its 24-bit length before it.</summary>
    public static byte[] Vector24(byte[] content) => [(byte)(content.Length >> 16), .. Vector16(content)];

    /// <summary>The message with another extension block. It must be one whose extensions stand at its end.</summary>
    public static byte[] EditExtensions(byte[] message, Action<List<(ExtensionType Type, byte[] Data)>> edit)
    {
        int start = ExtensionsStart(message);
        var extensions = new List<(ExtensionType Type, byte[] Data)>();
        for (var rest = message.AsSpan(start + 2); !rest.IsEmpty;)
        {
            int length = BinaryPrimitives.ReadUInt16BigEndian(rest[2..]);
            extensions.Add(((ExtensionType)BinaryPrimitives.ReadUInt16BigEndian(rest), rest.Slice(4, length).ToArray()));
            rest = rest[(4 + length)..];
        }
        edit(extensions);
        byte[] block = [.. extensions.SelectMany(e => (byte[])[(byte)((ushort)e.Type >> 8), (byte)e.Type, .. Vector16(e.Data)])];
        return Message((HandshakeType)message[0], [.. message.AsSpan(4, start - 4), .. Vector16(block)]);
    }

    public static byte[] Remove(byte[] message, ExtensionType type) => EditExtensions(message, e => e.RemoveAll(x => x.Type == type));

    public static byte[] Add(byte[] message, ExtensionType type, params byte[] data) => EditExtensions(message, e => e.Add((type, data)));

    public static byte[] Set(byte[] message, ExtensionType type, params byte[] data) =>
        EditExtensions(message, e => e[e.FindIndex(x => x.Type == type)] = (type, data));

    /// <summary>Where the length of the extension block stands.</summary>
    public static int ExtensionsStart(ReadOnlySpan<byte> message)
    {
        const int AfterRandom = 4 + 2 + 32;
        switch ((HandshakeType)message[0])
        {
            case HandshakeType.ClientHello:
                int suites = AfterRandom + 1 + message[AfterRandom];
                int compression = suites + 2 + BinaryPrimitives.ReadUInt16BigEndian(message[suites..]);
                return compression + 1 + message[compression];
            case HandshakeType.ServerHello:
                return AfterRandom + 1 + message[AfterRandom] + 3;
            case HandshakeType.EncryptedExtensions:
                return 4;
            case HandshakeType.CertificateRequest:
                return 5 + message[4];
            default:
                throw new ArgumentException("The message has no extension block at its end.", nameof(message));
        }
    }
}
