using Punchline.Lab.Driver;

namespace Punchline.Lab.Fixtures;

/// <summary>A Minecraft server and its players, from the npm package minecraft-protocol: version 1.20.4, offline.</summary>
internal static class Minecraft
{
    public const int Port = 25565;

    /// <summary>A server on the loopback of a host. Its events: joined, chat and left, each with <c>name</c>.</summary>
    public static async Task<ChildProcess> StartServerAsync(NatLab lab, string where)
    {
        var server = NodeScript.Start(lab, where, "minecraft-server.cjs", $"{Port}");
        await server.EventAsync("listening");
        return server;
    }

    /// <summary>A player who has joined. Each line of its input is said; its events: chat, kicked, ended.</summary>
    /// <param name="lab">The laboratory.</param>
    /// <param name="where">Where the player is.</param>
    /// <param name="port">Where the server appears there, on 127.0.0.1.</param>
    /// <param name="name">The player.</param>
    public static async Task<ChildProcess> JoinAsync(NatLab lab, string where, int port, string name)
    {
        var player = NodeScript.Start(lab, where, "minecraft-client.cjs", "127.0.0.1", $"{port}", name);
        await player.EventAsync("joined");
        return player;
    }

    public static async Task SayAsync(ChildProcess player, string text)
    {
        await player.Input.WriteLineAsync(text);
        await player.Input.FlushAsync();
    }
}
