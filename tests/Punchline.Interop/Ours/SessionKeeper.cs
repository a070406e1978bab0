using Punchline.Lab.Driver;
using Punchline.Quic;

namespace Punchline.Interop.Ours;

/// <summary>An application that also keeps the sessions which it is given, and tells which connections resumed one.</summary>
internal sealed class SessionKeeper(IRunnerApplication inner) : IRunnerApplication
{
    private readonly TaskCompletionSource<byte[]> _session = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The first session that came.</summary>
    public Task<byte[]> Session => _session.Task.WaitAsync(ChildProcess.StepLimit);

    /// <summary>For each connection that was established, whether it resumed a session.</summary>
    public List<bool> Resumed { get; } = [];

    /// <summary>Whether the peer refused 0-RTT.</summary>
    public bool WasRejected { get; private set; }

    public void OnEvent(QuicConnection connection, in QuicEvent quicEvent)
    {
        switch (quicEvent.Kind)
        {
            case QuicEventKind.Established:
                Resumed.Add(connection.IsResumed);
                break;
            case QuicEventKind.EarlyDataRejected:
                WasRejected = true;
                break;
            case QuicEventKind.SessionReceived when connection.TryTakeSession(out byte[]? session):
                _session.TrySetResult(session);
                break;
        }
        inner.OnEvent(connection, quicEvent);
    }
}
