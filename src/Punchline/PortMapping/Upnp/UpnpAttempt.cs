namespace Punchline.PortMapping.Upnp;

/// <summary>One way to ask for a mapping; what routers object to leads from one to the next.</summary>
/// <param name="ExternalPort">The port that is asked for.</param>
/// <param name="Lease">Seconds; 0 stands until it is taken back.</param>
/// <param name="Any">By AddAnyPortMapping, which finds another port by itself.</param>
internal readonly record struct UpnpAttempt(ushort ExternalPort, uint Lease, bool Any)
{
    /// <summary>Attempts for one mapping: each of the objections below once, and ports that others have.</summary>
    public const int Max = 6;

    private const int InvalidAction = 401;
    private const int InvalidArguments = 402;
    private const int ActionFailed = 501;
    private const int OptionalAction = 602;
    private const int Conflict = 718;
    private const int SamePorts = 724;
    private const int OnlyPermanent = 725;
    private const int ConflictWithOthers = 729;

    /// <summary>What to try after an error (WANIPConnection:2, section 2.5; :1, section 2.4.16); null if nothing would help.</summary>
    /// <param name="error">UPnP's error code.</param>
    /// <param name="internalPort">Our port.</param>
    /// <param name="otherPort">A port that was not tried.</param>
    public UpnpAttempt? After(int error, ushort internalPort, ushort otherPort) => error switch
    {
        InvalidAction or OptionalAction when Any => this with { Any = false },
        OnlyPermanent when Lease != 0 => this with { Lease = 0 },
        // Some routers know no leases and do not say so.
        InvalidArguments or ActionFailed when Lease != 0 && !Any => this with { Lease = 0 },
        InvalidArguments or ActionFailed when Any => this with { Any = false },
        SamePorts when ExternalPort != internalPort => this with { ExternalPort = internalPort },
        Conflict or ConflictWithOthers when !Any => this with { ExternalPort = otherPort },
        _ => null,
    };
}
