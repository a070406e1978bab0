using System.Globalization;
using Punchline.Fuzz.Running;
using SharpFuzz;

namespace Punchline.Fuzz;

/// <summary>What the program does; each returns the exit code.</summary>
internal static class Commands
{
    public static int List()
    {
        foreach (IFuzzTarget target in FuzzTargets.All)
            Console.WriteLine($"{target.Name,-22} {target.Reads}");
        return 0;
    }

    /// <summary>
    /// Runs what afl-fuzz writes to standard input, again and again in one process: SharpFuzz speaks for the fork server of AFL++, and an
    /// exception is a crash to it.
    /// </summary>
    public static int Afl(IFuzzTarget target)
    {
        byte[] buffer = new byte[target.MaxLength];
        // What only the first run does, such as initializers of types, would look like a new way.
        using (new CoverageMap())
        {
            foreach (byte[] seed in target.Seeds())
                Execution.Run(target, seed);
        }
        Fuzzer.Run(stream => Execution.Run(target, buffer.AsSpan(0, stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false))));
        return 0;
    }

    public static int Replay(IFuzzTarget target, string[] paths)
    {
        int count = 0;
        double share = 0;
        foreach (string file in paths.DefaultIfEmpty(Path.Combine(Corpus.Folder, target.Name)).SelectMany(Corpus.Files))
        {
            byte[] input = File.ReadAllBytes(file);
            share = Math.Max(share, (double)Execution.Run(target, input) / target.Allocation.For(input.Length));
            count++;
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{target.Name}: {count} inputs, nothing found; at most {share:P0} of what may be allocated"));
        return 0;
    }

    public static int Mutate(IReadOnlyList<IFuzzTarget> targets, Options options, bool isGuided)
    {
        if (isGuided && !CoverageMap.IsInstrumented)
        {
            Console.Error.WriteLine("This copy is not instrumented: start it with tests/Punchline.Fuzz/fuzz guided.");
            return 2;
        }
        using CoverageMap? coverage = isGuided ? new CoverageMap() : null;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seed {options.Seed}"));
        Console.WriteLine("| target | executions | executions a second | corpus | edges |");
        Console.WriteLine("| --- | --- | --- | --- | --- |");
        foreach (IFuzzTarget target in targets)
        {
            coverage?.Forget();
            var campaign = new Campaign(target, options.Seed, coverage);
            long startedAt = TimeProvider.System.GetTimestamp();
            List<byte[]> corpus = Corpus.Of(target);
            Failure? failure = campaign.Run(corpus, options.Runs, options.Limit);
            double rate = campaign.Executions / TimeProvider.System.GetElapsedTime(startedAt).TotalSeconds;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {target.Name} | {campaign.Executions:N0} | {rate:N0} | {campaign.Inputs.Count} | {coverage?.Edges.ToString(CultureInfo.InvariantCulture) ?? "-"} |"));
            if (options.Out is { } folder)
            {
                foreach (byte[] found in campaign.Inputs.Skip(corpus.Count))
                    Corpus.Save(Path.Combine(folder, target.Name), found);
            }
            if (failure is not null)
            {
                Console.Error.WriteLine(failure);
                return 1;
            }
        }
        return 0;
    }

    /// <summary>Takes inputs from the shortest on and keeps each that takes a way which the ones before it did not take.</summary>
    public static int Minimize(IFuzzTarget target, string[] from, string to)
    {
        using var coverage = new CoverageMap();
        byte[][] inputs = [.. from.SelectMany(Corpus.Read).Where(input => input.Length <= target.MaxLength).OrderBy(input => input.Length)];
        // Once for what only the first run of a type does.
        foreach (byte[] input in inputs)
            Execution.Run(target, input);
        int kept = 0;
        foreach (byte[] input in inputs)
        {
            coverage.Clear();
            Execution.Run(target, input);
            if (!coverage.Merge())
                continue;
            Corpus.Save(Path.Combine(to, target.Name), input);
            kept++;
        }
        Console.WriteLine($"{target.Name}: {kept} of {inputs.Length} inputs take all {coverage.Edges} edges");
        return 0;
    }

    public static int Seeds(IReadOnlyList<IFuzzTarget> targets, string to)
    {
        foreach (IFuzzTarget target in targets)
        {
            foreach (byte[] seed in target.Seeds())
                Corpus.Save(Path.Combine(to, target.Name), seed);
        }
        return 0;
    }

    public static int Instrument(string[] assemblies)
    {
        foreach (string assembly in assemblies)
            Fuzzer.Instrument(assembly, static _ => true, SharpFuzz.Options.Value);
        return 0;
    }
}
