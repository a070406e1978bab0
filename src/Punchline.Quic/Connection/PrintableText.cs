using System.Text;

namespace Punchline.Quic;

/// <summary>Text that a peer sent, made fit for a terminal: bounded, and without control characters.</summary>
internal static class PrintableText
{
    /// <summary>Longer reasons are cut: nobody reads them.</summary>
    private const int MaxBytes = 512;

    internal static string From(ReadOnlySpan<byte> utf8)
    {
        string text = Encoding.UTF8.GetString(utf8[..Math.Min(utf8.Length, MaxBytes)]);
        return string.Create(text.Length, text, static (span, source) =>
        {
            for (int i = 0; i < span.Length; i++)
                span[i] = char.IsControl(source[i]) ? ' ' : source[i];
        });
    }
}
