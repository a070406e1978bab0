using System.Globalization;
using Punchline.Traversal.Lifetime;

namespace Punchline.Doctor;

/// <summary>What is known of a mapping's lifetime, in words.</summary>
internal static class LifetimeText
{
    public static string Of(in IdleBounds bounds) => (bounds.Held, bounds.Failed) switch
    {
        (null, null) => "not known",
        (null, { } failed) => string.Create(CultureInfo.InvariantCulture, $"less than {failed.TotalSeconds:0} s"),
        ({ } held, null) => string.Create(CultureInfo.InvariantCulture, $"at least {held.TotalSeconds:0} s"),
        ({ } held, { } failed) => string.Create(CultureInfo.InvariantCulture, $"{held.TotalSeconds:0} to {failed.TotalSeconds:0} s"),
    };
}
