using System.Globalization;
using Punchline.Bench;

if (args is not ["relay", .. string[] rest] || rest.Length > 1)
{
    Console.Error.WriteLine("Punchline.Bench relay [SECONDS]");
    return 2;
}
int seconds = rest is [string text] ? int.Parse(text, CultureInfo.InvariantCulture) : 5;
Console.WriteLine("| datagrams of | in one batch | datagrams/s | Gbit/s | lost | server's CPU for a datagram |");
Console.WriteLine("| --- | --- | --- | --- | --- | --- |");
foreach (int payload in new[] { 1200, 200 })
{
    foreach (int batch in new[] { 44, 8, 1 })
        Console.WriteLine(await RelayBench.RunAsync(payload, batch, TimeSpan.FromSeconds(seconds)));
}
return 0;
