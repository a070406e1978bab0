using Punchline.Invites;
using Punchline.Quic;

namespace Punchline.Hosting;

/// <summary>What lets a client in at a host: the invite, this side's identity, and what the host gave it before.</summary>
/// <param name="Invite">Who the host is, and by which servers it is reached.</param>
/// <param name="Identity">Our key.</param>
/// <param name="State">What is remembered of the host.</param>
internal sealed record Membership(Invite Invite, HostIdentity Identity, ClientState State)
{
    /// <summary>Reads the invite, and the folder, which is made when missing.</summary>
    /// <param name="text">The invite as it was pasted.</param>
    /// <param name="folder">The state folder.</param>
    /// <param name="time">The clock.</param>
    /// <param name="randomness">For a new key.</param>
    /// <exception cref="PunchlineException">The invite is none, or of a newer version.</exception>
    /// <exception cref="StateFileException">The folder cannot be used.</exception>
    public static async Task<Membership> OpenAsync(string text, string folder, TimeProvider time, IRandomness randomness)
    {
        Invite invite = Parse(text);
        var directory = new StateDirectory(folder);
        HostIdentity identity;
        using (await directory.LockChangesAsync(time).ConfigureAwait(false))
            identity = HostIdentity.LoadOrCreate(directory, randomness).WithOwnResetKey(randomness);
        return new Membership(invite, identity, ClientState.Open(directory, invite.HostId.Span, time));
    }

    /// <summary>Reads the invite alone.</summary>
    /// <exception cref="PunchlineException">It is none, or of a newer version.</exception>
    public static Invite Parse(string text) => Invite.TryParse(text, out Invite? invite, out InviteError error, out string explanation)
        ? invite! : throw new PunchlineException(error == InviteError.NewerVersion ? ProblemCode.VersionMismatch : ProblemCode.InviteInvalid, explanation);
}
