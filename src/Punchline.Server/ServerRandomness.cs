using System.Security.Cryptography;
using Punchline.Quic;

namespace Punchline.Server;

/// <summary>The base library's randomness, which needs no telling apart of public and secret.</summary>
internal sealed class ServerRandomness : IRandomness
{
    public void FillPublic(Span<byte> destination) => RandomNumberGenerator.Fill(destination);

    public void FillSecret(Span<byte> destination) => RandomNumberGenerator.Fill(destination);
}
