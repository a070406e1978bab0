using Punchline.Lab.Driver;

namespace Punchline.Lab.Scenes;

/// <summary>What a test has measured, kept in <c>artifacts/tests</c> whether it passes or not.</summary>
internal static class Measured
{
    public static void Write(string name, string text)
    {
        TestContext.Current.TestOutputHelper?.WriteLine(text);
        var folder = Directory.CreateDirectory(Path.Combine(Repository.Root, "artifacts", "tests")).FullName;
        File.WriteAllText(Path.Combine(folder, name), text.TrimEnd() + "\n");
    }
}
