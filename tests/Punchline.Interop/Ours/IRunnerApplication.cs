using Punchline.Quic;

namespace Punchline.Interop.Ours;

/// <summary>What our side does on its connections; called on the runner's thread alone.</summary>
internal interface IRunnerApplication
{
    /// <summary>A connection told something.</summary>
    void OnEvent(QuicConnection connection, in QuicEvent quicEvent);
}
