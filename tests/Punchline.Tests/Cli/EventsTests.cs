using System.Net;
using System.Text;
using Punchline.Cli;
using Punchline.Cli.Output;
using Xunit;

using Punchline.Quic;

namespace Punchline.Tests.Cli;

/// <summary>Events as programs and as people see them. The JSON lines are golden: their names stay.</summary>
public sealed class EventsTests : IDisposable
{
    private const string Escape = "\e";

    private static readonly DateTimeOffset Time = new(2026, 1, 2, 3, 4, 5, 678, TimeSpan.FromHours(1));
    private static readonly IPEndPoint Address = IPEndPoint.Parse("203.0.113.5:3478");

    private readonly CliFixture _cli = new();

    public static TheoryData<PunchlineEvent, string> Golden => new()
    {
        { new ServerReady(Time, IPEndPoint.Parse("[::]:3478")), """{"event":"ready","time":"2026-01-02T02:04:05.678Z","listen":"[::]:3478"}""" },
        { new HostReady(Time, "s.example"), """{"event":"ready","time":"2026-01-02T02:04:05.678Z","server":"s.example"}""" },
        { new InviteCreated(Time, "punchline://abc"), """{"event":"invite","time":"2026-01-02T02:04:05.678Z","invite":"punchline://abc"}""" },
        { new Listening(Time, "web", ServiceProtocol.Tcp, Address, IsKnown: true), """{"event":"listening","time":"2026-01-02T02:04:05.678Z","service":"web","protocol":"tcp","address":"203.0.113.5:3478","known":true}""" },
        { new PeerJoined(Time, "ab12"), """{"event":"peer-joined","time":"2026-01-02T02:04:05.678Z","peer":"ab12"}""" },
        { new PeerLeft(Time, "ab12", "closed"), """{"event":"peer-left","time":"2026-01-02T02:04:05.678Z","peer":"ab12","reason":"closed"}""" },
        { new PathChanged(Time, "ab12", PathKind.Direct, Address, TimeSpan.FromMicroseconds(5250)), """{"event":"path","time":"2026-01-02T02:04:05.678Z","peer":"ab12","kind":"direct","remote":"203.0.113.5:3478","rttMs":5.25}""" },
        { new PathChanged(Time, "ab12", PathKind.Relay, Address, TimeSpan.FromMilliseconds(80)), """{"event":"path","time":"2026-01-02T02:04:05.678Z","peer":"ab12","kind":"relay","remote":"203.0.113.5:3478","rttMs":80}""" },
        { new StaysRelayed(Time, "ab12", RelayCause.HardNat, "it is so", "do that", 1_000_000), """{"event":"relayed","time":"2026-01-02T02:04:05.678Z","peer":"ab12","cause":"hard-nat","because":"it is so","advice":"do that","bytesPerSecond":1000000}""" },
        { new Progress(Time, ProgressStage.ReachingHost, "via s"), """{"event":"progress","time":"2026-01-02T02:04:05.678Z","stage":"reaching-host","detail":"via s"}""" },
        { new Problem(Time, ProblemCode.HostOffline, "it's away"), """{"event":"error","time":"2026-01-02T02:04:05.678Z","code":"host-offline","message":"it's away"}""" },
        { new Notice(Time, "port\ntaken"), """{"event":"notice","time":"2026-01-02T02:04:05.678Z","message":"port\ntaken"}""" },
        { new Detail(Time, "d"), """{"event":"detail","time":"2026-01-02T02:04:05.678Z","message":"d"}""" },
        { new NetworkExamined(Time, [new("mapping", "endpoint-independent", "one port")], [new("at home", Meeting.Guessed)], "do that"), """{"event":"network","time":"2026-01-02T02:04:05.678Z","findings":[{"name":"mapping","value":"endpoint-independent","meaning":"one port"}],"friends":[{"friend":"at home","meeting":"guessed"}],"advice":"do that"}""" },
        { PairSample.Relayed, PairSample.Json },
        { new Transferred(Time, "page", 1_000_000, TimeSpan.FromSeconds(0.5)), """{"event":"transferred","time":"2026-01-02T02:04:05.678Z","what":"page","bytes":1000000,"seconds":0.5,"mbitPerSecond":16}""" },
    };

    public void Dispose() => _cli.Dispose();

    [Theory]
    [MemberData(nameof(Golden))]
    public void An_event_is_one_JSON_line_flushed_at_once(PunchlineEvent value, string expected)
    {
        using var stream = new FlushCounter();
        new JsonEvents(stream, details: true).Report(value);
        Assert.Equal(expected + "\n", Encoding.UTF8.GetString(stream.ToArray()));
        Assert.Equal(1, stream.Flushes);
    }

    [Fact]
    public void Every_kind_of_event_has_a_golden_line()
    {
        var kinds = typeof(PunchlineEvent).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(PunchlineEvent)));
        Assert.Equal(
            kinds.Select(type => type.Name).Order(StringComparer.Ordinal),
            Golden.Select(row => row.Data.Item1.GetType().Name).Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_problem_has_a_name_of_its_own()
    {
        var names = Enum.GetValues<ProblemCode>().Select(code => ProblemNames.Of(code).Name).ToArray();
        Assert.Equal(names.Length, names.Distinct().Count());
        Assert.DoesNotContain(ProblemNames.Usage, names);
    }

    [Fact]
    public void Details_are_shown_only_when_asked_for()
    {
        using var stream = new MemoryStream();
        new JsonEvents(stream, details: false).Report(new Detail(Time, "x"));
        Assert.Equal(0, stream.Length);
        var (output, errors) = (new StringWriter(), new StringWriter());
        new PeopleEvents(output, errors, colour: false, details: false).Report(new Detail(Time, "x"));
        Assert.Empty(errors.ToString());
        new PeopleEvents(output, errors, colour: false, details: true).Report(new Detail(Time, "x"));
        Assert.Contains("x", errors.ToString(), StringComparison.Ordinal);
        Assert.Empty(output.ToString());
    }

    [Theory]
    [MemberData(nameof(Golden))]
    public void People_read_events_on_standard_output_and_problems_on_standard_error(PunchlineEvent value, string json)
    {
        Assert.NotEmpty(json);
        var (output, errors) = (new StringWriter(), new StringWriter());
        new PeopleEvents(output, errors, colour: false, details: true).Report(value);
        var (said, silent) = value is Problem or Detail ? (errors, output) : (output, errors);
        Assert.EndsWith(Environment.NewLine, said.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(Escape, said.ToString(), StringComparison.Ordinal);
        Assert.Empty(silent.ToString());
    }

    [Fact]
    public void The_invite_is_the_line_that_the_friend_types()
    {
        var output = new StringWriter();
        new PeopleEvents(output, TextWriter.Null, colour: false, details: false).Report(new InviteCreated(Time, "punchline://abc"));
        Assert.Contains($"    punchline join punchline://abc{Environment.NewLine}", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("127.0.0.1:52000", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_pair_is_told_address_by_address_and_its_end_stands_out()
    {
        var output = new StringWriter { NewLine = "\n" };
        new PeopleEvents(output, TextWriter.Null, colour: false, details: false).Report(PairSample.Relayed);
        Assert.Equal(PairSample.Text.ReplaceLineEndings("\n"), output.ToString());
        output.GetStringBuilder().Clear();
        new PeopleEvents(output, TextWriter.Null, colour: true, details: false).Report(PairSample.Relayed);
        Assert.Equal(2, output.ToString().Split('\n').Count(line => line.Contains(Escape, StringComparison.Ordinal)));
        Assert.Contains("Relayed through", output.ToString().Split(Escape)[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, null, null, true)]
    [InlineData(true, "", null, true)]
    [InlineData(true, "1", null, false)]
    [InlineData(true, null, "dumb", false)]
    [InlineData(false, null, null, false)]
    public async Task Colour_is_for_terminals_that_want_it(bool terminal, string? noColor, string? term, bool coloured)
    {
        _cli.OutputIsTerminal = terminal;
        _cli.Variables["WT_SESSION"] = "1";
        if (noColor is not null)
            _cli.Variables["NO_COLOR"] = noColor;
        if (term is not null)
            _cli.Variables["TERM"] = term;
        _cli.Roles.Run = (events, _) =>
        {
            events.Report(new PeerJoined(Time, "ab12"));
            return Task.CompletedTask;
        };
        await _cli.RunAsync("demo");
        Assert.Equal(coloured, _cli.Out.Contains(Escape, StringComparison.Ordinal));
    }

    [Fact]
    public async Task With_json_nothing_but_JSON_is_on_standard_output()
    {
        _cli.OutputIsTerminal = true;
        _cli.Roles.Run = (events, _) =>
        {
            events.Report(new PeerJoined(Time, "ab12"));
            return Task.CompletedTask;
        };
        await _cli.RunAsync("demo", "--json");
        Assert.Empty(_cli.Out);
        Assert.Equal("peer-joined", Assert.Single(_cli.Json).GetProperty("event").GetString());
    }

    [Fact]
    public void Events_of_many_threads_stay_whole_lines()
    {
        using var stream = new MemoryStream();
        var events = new JsonEvents(stream, details: true);
        Parallel.For(0, 1000, i => events.Report(new Notice(Time, new string('x', i))));
        Assert.Equal(1000, Encoding.UTF8.GetString(stream.ToArray()).Split('\n').Count(line => line.EndsWith("\"}", StringComparison.Ordinal)));
    }

    private sealed class FlushCounter : MemoryStream
    {
        public int Flushes { get; private set; }

        public override void Flush()
        {
            Flushes++;
            base.Flush();
        }
    }
}
