using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Jobs;

/// <summary>Too little memory: foreseen where the shell has set a limit, told apart from other faults where it is met.</summary>
public static class MemoryShortage
{
    // Parser, planner, terminal and what the runtime maps for them.
    private const long RuntimeBytes = 512L << 20;

    // Actor system, journal, threads and compiled code of an embedded merge, as measured; not what is resident, but what is mapped.
    private const long EngineBytes = 768L << 20;

    // Stack, and what the C library keeps for a thread that allocates.
    private const long LaneOverheadBytes = 72L << 20;

    private const string Advice = "raise the limit (ulimit -v, the container's memory), give fewer --lanes, or free memory; then run the same command again: it resumes.";

    /// <summary>Throws where the limit of address space is too low for any command.</summary>
    /// <param name="left">What it leaves, in bytes; null for no limit.</param>
    /// <exception cref="JobException">It is.</exception>
    public static void DemandRuntime(long? left)
    {
        if (left < RuntimeBytes)
        {
            throw TooLittle(left.Value, RuntimeBytes, "the program");
        }
    }

    /// <summary>The way to read inputs that the limit of address space leaves.</summary>
    /// <param name="plan">What is read.</param>
    /// <param name="lanes">Computing threads.</param>
    /// <param name="asked">How inputs are to be read.</param>
    /// <param name="left">What the limit leaves, in bytes; null for no limit.</param>
    /// <exception cref="JobException">There is too little for the engine, or for the inputs that must be mapped.</exception>
    public static ReadMode ModeWithin(Plan plan, int lanes, ReadMode asked, long? left)
    {
        long engine = EngineBytes + (lanes * (PartExecutor.LaneBytes(plan.Variants, plan.MaxSources) + LaneOverheadBytes));
        long mapped = plan.Inputs.Where(input => !input.IsRemote).Sum(input => input.ByteLength);
        if (left is not { } bytes || engine + mapped <= bytes)
        {
            return asked;
        }

        if (asked == ReadMode.Mapped || engine > bytes)
        {
            long needed = engine + (asked == ReadMode.Mapped ? mapped : 0);
            throw TooLittle(bytes, needed, "the merge");
        }

        return ReadMode.Positioned;
    }

    /// <summary>The shortage that an exception stands for; null where it stands for something else.</summary>
    public static JobException? Of(Exception exception) => Find(exception) is { } cause
        ? new JobException(JobException.NotEnoughMemory, $"not enough memory: {cause.Message.ReplaceLineEndings(" ").Trim()}", Advice, exception)
        : null;

    private static JobException TooLittle(long left, long needed, string who) => new(
        JobException.NotEnoughMemory,
        $"not enough memory: the limit of address space (ulimit -v) leaves {ByteSize.Format(left)}, and {who} needs {ByteSize.Format(needed)} more.",
        Advice);

    // A library of the program that cannot be mapped is told as missing.
    private static Exception? Find(Exception? exception) => exception switch
    {
        null => null,
        OutOfMemoryException => exception,
        FileLoadException { FileName: { } name } when IsAssembly(name) && AddressSpace.FindLeft() is not null => exception,
        FileNotFoundException { FileName: { } name } when IsAssembly(name) && AddressSpace.FindLeft() is not null => exception,
        AggregateException several => several.InnerExceptions.Select(Find).FirstOrDefault(found => found is not null),
        _ => Find(exception.InnerException),
    };

    private static bool IsAssembly(string fileName) => fileName.Contains(", Version=", StringComparison.Ordinal);
}
