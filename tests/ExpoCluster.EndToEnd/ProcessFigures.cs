using System.Globalization;

namespace ExpoCluster.EndToEnd;

/// <summary>What Linux says of a process.</summary>
/// <param name="ProcessorSeconds">That it has used, in the program and for it in the kernel.</param>
/// <param name="ResidentBytes">Memory that it has.</param>
internal readonly record struct ProcessFigures(double ProcessorSeconds, long ResidentBytes)
{
    // USER_HZ, which is 100 wherever .NET runs on Linux.
    private const double TicksPerSecond = 100;

    public static ProcessFigures Of(int process)
    {
        // The second field is a name in parentheses that may hold anything; those behind it are numbers.
        string stat = File.ReadAllText($"/proc/{process}/stat");
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        long ticks = long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture);
        return new ProcessFigures(ticks / TicksPerSecond, long.Parse(fields[21], CultureInfo.InvariantCulture) * Environment.SystemPageSize);
    }
}
