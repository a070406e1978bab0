using Punchline.Fuzz;
using Punchline.Fuzz.Running;

return args switch
{
    ["list"] => Commands.List(),
    ["afl", var target] => Commands.Afl(Named(target)),
    ["replay", var target, .. var paths] => Commands.Replay(Named(target), paths),
    ["mutate", var name, .. var options] => Commands.Mutate(Several(name), Options.Parse(options), isGuided: false),
    ["guided", var name, .. var options] => Commands.Mutate(Several(name), Options.Parse(options), isGuided: true),
    ["minimize", var target, var to, .. var from] => Commands.Minimize(Named(target), from, to),
    ["seeds", var name, var to] => Commands.Seeds(Several(name), to),
    ["instrument", .. var assemblies] => Commands.Instrument(assemblies),
    _ => Usage(),
};

static IFuzzTarget Named(string name) =>
    FuzzTargets.Find(name) ?? throw new ArgumentException($"There is no target '{name}': see 'list'.", nameof(name));

static IReadOnlyList<IFuzzTarget> Several(string name) => name == "all" ? FuzzTargets.All : [Named(name)];

static int Usage()
{
    Console.Error.WriteLine("""
        list                                              the targets
        replay TARGET [FILE|FOLDER...]                    runs inputs again; without any, the corpus
        mutate TARGET|all [--runs N] [--seconds N] [--seed N]
                                                          random mutations of the corpus
        guided TARGET|all [the same] [--out FOLDER]       mutations guided by coverage; keeps what takes new ways
        minimize TARGET TO FROM...                        the smallest inputs of FROM that together take all ways
        seeds TARGET|all TO                               writes the seeds that the program makes itself
        afl TARGET                                        what afl-fuzz starts
        instrument ASSEMBLY...                            puts counters into assemblies, in place
        """);
    return 2;
}
