namespace Punchline.Lab.Scenes;

/// <summary>Tests that measure: nothing else runs beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1052", Justification = "xunit wants a class that can be made")]
public sealed class Alone
{
    public const string Name = "alone";
}
