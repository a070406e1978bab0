namespace Punchline.Server.Relay;

/// <summary>What the UDP loop counts. It alone writes; metrics read now and then.</summary>
internal sealed class RelayCounters
{
    public long Forwarded;
    public long ForwardedBytes;
    public long UnknownHandle;
    public long NotBound;
    public long OverLimit;
    public long Limits;
    public long QueueFull;
    public long Batches;
    public long BadBind;
    public long Malformed;
    public long Stun;
    public long SendFailed;
}
