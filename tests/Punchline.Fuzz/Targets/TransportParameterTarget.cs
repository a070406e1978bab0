using Punchline.Quic;
using Punchline.Quic.Wire;

namespace Punchline.Fuzz.Targets;

/// <summary>The quic_transport_parameters extension (RFC 9000 section 18). The first byte says who sent it.</summary>
internal sealed class TransportParameterTarget : IFuzzTarget
{
    public string Name => "transport-parameters";

    public string Reads => "the transport parameters of either side";

    public int MaxLength => 1024;

    // The set of identifiers seen takes some 40 bytes for an entry of two.
    public AllocationBound Allocation => new(8192, 256);

    public int TestRuns => 20_000;

    public IEnumerable<byte[]> Seeds()
    {
        var common = new TransportParameters
        {
            MaxIdleTimeoutMilliseconds = 60_000, MaxUdpPayloadSize = 1472, InitialMaxData = 1 << 20, InitialMaxStreamDataBidiLocal = 1 << 18,
            InitialMaxStreamDataBidiRemote = 1 << 18, InitialMaxStreamDataUni = 1 << 16, InitialMaxStreamsBidi = 1024, InitialMaxStreamsUni = 16,
            AckDelayExponent = 4, MaxAckDelayMilliseconds = 20, DisableActiveMigration = true, ActiveConnectionIdLimit = 8,
            InitialSourceConnectionId = new ConnectionId([1, 2, 3, 4, 5, 6, 7, 8]), MaxDatagramFrameSize = 65_535, PunchCandidateLimit = 16,
        };
        yield return [1, .. common.Write()];
        var server = new TransportParameters
        {
            OriginalDestinationConnectionId = new ConnectionId(new byte[20]), StatelessResetToken = new byte[16],
            RetrySourceConnectionId = new ConnectionId([9]), InitialSourceConnectionId = default(ConnectionId),
            PreferredAddress = new PreferredAddress(
                UdpAddress.FromBytes([192, 0, 2, 1], 0, 443), UdpAddress.FromBytes([0x20, 1, .. new byte[14]], 0, 443), new ConnectionId([5, 5, 5, 5]), new byte[16]),
        };
        yield return [0, .. server.Write()];
        yield return [0];
    }

    public void Run(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
            return;
        bool fromClient = (input[0] & 1) != 0;
        if (!TransportParameters.TryRead(input[1..], fromClient, out TransportParameters? parameters, out string? why))
        {
            Check.That(why is not null && parameters is null, "a refusal without a reason");
            return;
        }
        Check.That(parameters is not null && why is null, "parameters with a reason against them");
        Check.That(parameters!.AckDelayExponent <= TransportParameters.MaxAckDelayExponent && parameters.InitialMaxStreamsBidi <= MaxStreamsFrame.Limit
            && parameters.ActiveConnectionIdLimit >= TransportParameters.MinActiveConnectionIdLimit
            && parameters.MaxUdpPayloadSize >= TransportParameters.MinMaxUdpPayloadSize
            && parameters.PunchCandidateLimit is >= 0 and <= TransportParameters.MaxPunchCandidateLimit, "a parameter out of its range");
        Check.That(!fromClient || parameters is { StatelessResetToken: null, PreferredAddress: null, OriginalDestinationConnectionId: null, RetrySourceConnectionId: null },
            "a client's parameter that only servers have");
        byte[] written = parameters.Write();
        Check.That(TransportParameters.TryRead(written, fromClient, out TransportParameters? again, out _), "parameters that we write are none");
        Check.Same(written, again!.Write(), "parameters do not come back");
    }
}
