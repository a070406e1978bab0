using System.Security.Cryptography;
using Punchline.Testing;

namespace Punchline.Fuzz.Running;

/// <summary>Inputs as files: a folder for each target, a file for each input, named by its hash so that none is there twice.</summary>
internal static class Corpus
{
    /// <summary>Digits of the hash in a name: no two of some thousand inputs share them.</summary>
    private const int NameLength = 16;

    /// <summary>The corpus that is in the repository.</summary>
    public static string Folder => WorkingTree.At("tests", "Punchline.Fuzz", "corpus");

    /// <summary>Where inputs go that failed.</summary>
    public static string Artifacts => WorkingTree.At("artifacts", "fuzz");

    /// <summary>The inputs of a target that are in the repository, and the seeds of its own.</summary>
    public static List<byte[]> Of(IFuzzTarget target)
    {
        string folder = Path.Combine(Folder, target.Name);
        return Directory.Exists(folder) ? [.. target.Seeds(), .. Read(folder)] : [.. target.Seeds()];
    }

    /// <summary>A file, or all files of a folder and of the folders in it, in the order of their names.</summary>
    public static IEnumerable<byte[]> Read(string path) => Files(path).Select(File.ReadAllBytes);

    /// <summary>The files of <see cref="Read"/>.</summary>
    public static IEnumerable<string> Files(string path) =>
        File.Exists(path) ? [path] : Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal);

    /// <summary>Writes an input.</summary>
    /// <returns>The file.</returns>
    public static string Save(string folder, ReadOnlySpan<byte> input, string prefix = "")
    {
        Directory.CreateDirectory(folder);
        string file = Path.Combine(folder, prefix + Convert.ToHexStringLower(SHA256.HashData(input))[..NameLength]);
        File.WriteAllBytes(file, input);
        return file;
    }
}
