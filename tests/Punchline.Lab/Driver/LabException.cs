namespace Punchline.Lab.Driver;

/// <summary>The laboratory or a program in it did not do what the test needs; the message holds what they printed.</summary>
internal sealed class LabException(string message) : Exception(message);
