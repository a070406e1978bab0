using System.Text.RegularExpressions;
using Punchline.Quic.Wire;
using Punchline.Testing;
using Xunit;

namespace Punchline.Quic.Tests.Wire;

/// <summary>The specification of the punch extension shows the bytes that the code reads and writes.</summary>
public partial class PunchDocumentTests
{
    [Fact]
    public void The_samples_of_the_document_are_those_of_the_tests()
    {
        (string, string)[] expected =
        [
            .. FrameSamples.Punch,
            ("c0000050554e4348 01 10", "punch transport parameter, Candidate Limit 16"),
        ];

        Assert.Equal(expected, Sample().Matches(File.ReadAllText(WorkingTree.At("docs", "wire", "punch.md"))).Select(m => (m.Groups["bytes"].Value, m.Groups["text"].Value)));
    }

    [Fact]
    public void The_types_of_the_document_are_those_of_the_code() => Assert.Equal(
        [FrameTypes.Candidate, FrameTypes.CandidateGone, FrameTypes.Punch, FrameTypes.ObservedAddress],
        FrameType().Matches(File.ReadAllText(WorkingTree.At("docs", "wire", "punch.md"))).Select(m => Convert.ToUInt64(m.Groups["type"].Value, 16)));

    [Fact]
    public void The_sample_of_the_transport_parameter_reads_and_writes()
    {
        byte[] bytes = Hex.Bytes("c0000050554e4348 01 10");

        Assert.True(TransportParameters.TryRead(bytes, fromClient: true, out TransportParameters? p, out _));

        Assert.Equal(16, p!.PunchCandidateLimit);
        Assert.Equal(bytes, p.Write());
    }

    [GeneratedRegex(
        @"^\| `(?<bytes>[0-9a-f ]+)` \| (?<text>.+) \|$",
        RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Sample();

    [GeneratedRegex(
        @"^  Type \(i\) = (?<type>0x[0-9a-f]+),$",
        RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex FrameType();
}
