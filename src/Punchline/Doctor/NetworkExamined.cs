namespace Punchline;

/// <summary>One thing that an examination found.</summary>
/// <param name="Name">What was looked at, for programs: <c>mapping</c>, <c>hairpinning</c> (docs/doctor.md has them all).</param>
/// <param name="Value">What it is, for programs: a word of RFC 4787, an address, <c>unknown</c>.</param>
/// <param name="Meaning">What that means, for people: one line.</param>
public sealed record Finding(string Name, string Value, string Meaning);

/// <summary>How two networks meet.</summary>
public enum Meeting
{
    /// <summary>Directly, within a second.</summary>
    Direct,

    /// <summary>Directly, by foretelling the port of the next mapping.</summary>
    Foretold,

    /// <summary>Directly as a rule, by trying many ports for some seconds.</summary>
    Guessed,

    /// <summary>Through the server.</summary>
    Relayed,
}

/// <summary>What to expect with one kind of friend.</summary>
/// <param name="Friend">Their network, in a few words.</param>
/// <param name="Meeting">How this network and theirs meet.</param>
public sealed record Expectation(string Friend, Meeting Meeting);

/// <summary>A doctor has examined this network.</summary>
/// <param name="Time">When.</param>
/// <param name="Findings">What was found, in the order to be read.</param>
/// <param name="Expectations">What it means with each kind of friend.</param>
/// <param name="Advice">The one change that would help most: one line.</param>
public sealed record NetworkExamined(
    DateTimeOffset Time, IReadOnlyList<Finding> Findings, IReadOnlyList<Expectation> Expectations, string Advice) : PunchlineEvent(Time);
