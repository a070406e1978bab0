namespace Punchline.Stun;

/// <summary>Whether the ports of new mappings follow a rule. Pure.</summary>
internal static class PortSamples
{
    /// <summary>Four ports have three distances: fewer can look regular by chance.</summary>
    public const int Enough = 4;

    /// <summary>Further apart than this, other flows come between, and a short list of ports would not meet the next one.</summary>
    public const int LargestStep = 5;

    /// <summary>Draws the conclusion.</summary>
    /// <param name="ports">The public ports of mappings in the order in which these were made.</param>
    /// <param name="step">The smallest distance, where they are sequential: larger ones hold flows of others.</param>
    public static PortAllocation Classify(ReadOnlySpan<ushort> ports, out byte step)
    {
        step = 0;
        if (ports.Length < Enough)
            return PortAllocation.Unknown;
        int smallest = int.MaxValue;
        int irregular = 0;
        for (int i = 1; i < ports.Length; i++)
        {
            int distance = ports[i] - ports[i - 1];
            if (distance is > 0 and <= LargestStep)
                smallest = Math.Min(smallest, distance);
            else
                irregular++;
        }
        // One jump may be the end of the NAT's range, where it begins anew.
        if (irregular > 1 || smallest > LargestStep)
            return PortAllocation.Random;
        step = (byte)smallest;
        return PortAllocation.Sequential;
    }

    /// <summary>The ports that the next mappings will have, if nobody else makes any.</summary>
    /// <param name="last">The port of the newest mapping.</param>
    /// <param name="step">As <see cref="Classify"/> found it.</param>
    /// <param name="count">How many.</param>
    public static ushort[] Next(ushort last, byte step, int count)
    {
        var ports = new List<ushort>(count);
        for (int i = 1; i <= count && last + (i * step) <= ushort.MaxValue; i++)
            ports.Add((ushort)(last + (i * step)));
        return [.. ports];
    }
}
