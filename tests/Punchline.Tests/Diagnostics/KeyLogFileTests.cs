using Punchline.Diagnostics;
using Xunit;

namespace Punchline.Tests.Diagnostics;

/// <summary>The file of TLS secrets.</summary>
public sealed class KeyLogFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("punchline-keylog-").FullName;

    private string File_ => Path.Combine(_folder, "keys");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Lines_are_label_random_and_secret_and_what_was_there_stays()
    {
        for (int i = 0; i < 2; i++)
        {
            using var log = new KeyLogFile(File_, Assert.Fail);
            log.Write("CLIENT_TRAFFIC_SECRET_0", [1, 0xab], [2, 0xcd, (byte)i]);
        }
        Assert.Equal("CLIENT_TRAFFIC_SECRET_0 01ab 02cd00\nCLIENT_TRAFFIC_SECRET_0 01ab 02cd01\n", File.ReadAllText(File_));
    }

    [Fact]
    public void Two_that_write_to_one_file_lose_nothing_of_each_other()
    {
        using var first = new KeyLogFile(File_, Assert.Fail);
        using var second = new KeyLogFile(File_, Assert.Fail);
        first.Write("A", [1], [1]);
        second.Write("B", [2], [2]);
        first.Write("C", [3], [3]);
        Assert.Equal("A 01 01\nB 02 02\nC 03 03\n", File.ReadAllText(File_));
    }

    [Fact]
    public void Nobody_else_may_read_it()
    {
        if (OperatingSystem.IsWindows())
            return; // No such modes: the user's folder has its access list.
        using (new KeyLogFile(File_, Assert.Fail))
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(File_));
        File.SetUnixFileMode(File_, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        Assert.Contains("others may read", Assert.Throws<IOException>(() => new KeyLogFile(File_, Assert.Fail)).Message, StringComparison.Ordinal);
    }
}
