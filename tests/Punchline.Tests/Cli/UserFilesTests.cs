using Punchline.Cli.Settings;
using Xunit;

namespace Punchline.Tests.Cli;

/// <summary>Small files of the user's, in a folder that others may write to as well.</summary>
public sealed class UserFilesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("punchline-files-").FullName;

    public static bool HasLinks => !OperatingSystem.IsWindows();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact(SkipUnless = nameof(HasLinks), Skip = "links need a privilege there")]
    public void A_link_or_file_that_waits_beside_is_neither_followed_nor_used()
    {
        string target = Path.Combine(_folder, "somebody's");
        File.WriteAllText(target, "precious");
        string path = Path.Combine(_folder, "invite");
        File.CreateSymbolicLink($"{path}.{Environment.ProcessId}.new", target);
        UserFiles.Write(path, "secret");
        Assert.Equal("precious", File.ReadAllText(target));
        Assert.Equal("secret", File.ReadAllText(path));
        Assert.Null(new FileInfo(path).LinkTarget);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        Assert.Equal(3, Directory.GetFiles(_folder).Length);
    }

    [Fact]
    public void What_cannot_be_put_in_place_leaves_nothing_behind()
    {
        string path = Path.Combine(_folder, "invite");
        Directory.CreateDirectory(Path.Combine(path, "x"));
        Assert.Equal(ProblemCode.State, Assert.Throws<PunchlineException>(() => UserFiles.Write(path, "secret")).Code);
        Assert.Empty(Directory.GetFiles(_folder));
    }
}
