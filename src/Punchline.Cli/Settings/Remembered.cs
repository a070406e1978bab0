namespace Punchline.Cli.Settings;

/// <summary>What was used last, in the state folder: so that a second start needs no arguments.</summary>
internal sealed class Remembered(string folder)
{
    private string ServerFile => Path.Combine(folder, "last-server");

    private string InviteFile => Path.Combine(folder, "last-invite");

    public string? Server
    {
        get => Text(ServerFile);
        set => Keep(ServerFile, value);
    }

    public string? Invite
    {
        get => Text(InviteFile);
        set => Keep(InviteFile, value);
    }

    private static string? Text(string file) => UserFiles.ReadIfThere(file)?.Trim() is { Length: > 0 } text ? text : null;

    private static void Keep(string file, string? text)
    {
        if (Text(file) != text)
            UserFiles.Write(file, text + "\n");
    }
}
