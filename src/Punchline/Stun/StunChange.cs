namespace Punchline.Stun;

/// <summary>From where else a response shall come: the flags of CHANGE-REQUEST (RFC 5780 section 7.2).</summary>
[Flags]
internal enum StunChange : uint
{
    /// <summary>From where the request went.</summary>
    None = 0,

    /// <summary>From the server's other port.</summary>
    Port = 0b010,

    /// <summary>From the server's other address.</summary>
    Address = 0b100,
}
