using System.Globalization;
using Punchline.Bench;

if (args is not ["relay", .. string[] rest] || rest.Length > 1)
{
    Console.Error.WriteLine("Punchline.Bench relay [SECONDS]");
    return 2;
}
int seconds = rest is [string text] ? int.Parse(text, CultureInfo.InvariantCulture) : 5;
Console.WriteLine("| relay | datagrams of | in one batch | datagrams/s | Gbit/s | lost | its CPU for a datagram |");
Console.WriteLine("| --- | --- | --- | --- | --- | --- | --- |");
foreach (int payload in new[] { 1200, 200 })
{
    foreach (int batch in new[] { 44, 8, 1 })
    {
        Console.WriteLine(await RunAsync(PunchlineRelay.StartAsync(), payload, batch));
        // Debian's package of that name: without it there is nothing to compare with.
        if (CoturnRelay.IsThere)
            Console.WriteLine(await RunAsync(Task.FromResult(CoturnRelay.Start()), payload, batch));
    }
}
return 0;

async Task<string> RunAsync(Task<IRelay> starting, int payload, int batch)
{
    await using IRelay relay = await starting;
    return RelayBench.Run(relay, payload, batch, TimeSpan.FromSeconds(seconds));
}
