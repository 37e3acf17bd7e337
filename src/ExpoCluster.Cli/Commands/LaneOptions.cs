using System.CommandLine;
using System.Globalization;
using ExpoCluster.Core.Methods;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Cli.Commands;

/// <summary>How much of the machine a merge may take, and how. None of it changes the output.</summary>
/// <param name="memory">What this process may have of memory, in bytes; by default what the runtime takes for that: three quarters of a cgroup's limit, or the machine's.</param>
internal sealed class LaneOptions(long? memory = null)
{
    private const string WrongNumber = "EXPO2086";
    private const string TooLittleMemory = "EXPO2087";

    // Runtime, actor system, journal and plan of an embedded merge, as measured (docs/architecture.md).
    private const long EngineBytes = 100L << 20;
    private const int MaxLanes = 256;
    private const long MinRate = 64 << 10;

    private readonly Option<string?> lanes = RecipeOptions.Text("--lanes", "N", "Computing threads; by default one for each core.");
    private readonly Option<string?> maxMemory = RecipeOptions.Text("--max-memory", "SIZE", "The most memory to use besides the page cache; lowers the lanes if needed, as a container's limit does.");
    private readonly Option<string?> maxRate = RecipeOptions.Text("--max-rate", "SIZE", "The most output bytes per second, to leave room for others.");

    private readonly Option<string?> io = RecipeOptions.Text(
        "--io", "auto|map|read", "How inputs are read: mapped where memory holds them, past the page cache where not; or one way always.");

    public IEnumerable<Option> All => [lanes, maxMemory, maxRate, io];

    public void AddTo(Command command)
    {
        foreach (Option option in All)
        {
            command.Options.Add(option);
        }
    }

    /// <summary>Memory that a merge with so many lanes and outputs takes besides the page cache, in bytes.</summary>
    public static long MemoryBytes(int lanes, int outputs) => EngineBytes + (lanes * PartExecutor.LaneBytes(outputs, ExpoMethod.Sources));

    /// <exception cref="UsageException">A value is no number, or too small.</exception>
    public LaneChoices Read(ParseResult parsed, int outputs)
    {
        int count = ReadLanes(parsed.GetValue(lanes));
        if (parsed.GetValue(maxMemory) is { } asked)
        {
            long affordable = LanesWithin(ReadSize("--max-memory", asked, minimum: 1), outputs);
            count = affordable >= 1
                ? (int)Math.Min(count, affordable)
                : throw Problem(TooLittleMemory, "--max-memory", $"{asked} is too little: one lane needs {ByteSize.Format(MemoryBytes(1, outputs))}.", "raise it.");
        }

        // Nobody asked for a container that is too small for one lane, and with some luck it suffices.
        count = (int)Math.Min(count, Math.Max(1, LanesWithin(memory ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, outputs)));
        long? rate = parsed.GetValue(maxRate) is { } text ? ReadSize("--max-rate", text, MinRate) : null;
        return new LaneChoices(count, rate, ReadIo(parsed.GetValue(io) ?? "auto"));
    }

    private static long LanesWithin(long bytes, int outputs) => (bytes - EngineBytes) / PartExecutor.LaneBytes(outputs, ExpoMethod.Sources);

    private static ReadMode ReadIo(string word) => ReadModes.Parse(word)
        ?? throw Problem(ReadModes.Unknown, "--io", $"'{word}' is no way to read.", $"choose {ReadModes.Words}.");

    private static int ReadLanes(string? text)
    {
        if (text is null)
        {
            return Environment.ProcessorCount;
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count is >= 1 and <= MaxLanes
            ? count
            : throw Problem(WrongNumber, "--lanes", $"'{text}' is no number from 1 to {MaxLanes}.", "give a number, for example --lanes 4.");
    }

    private static long ReadSize(string option, string text, long minimum) =>
        ByteSize.TryParse(text, out long bytes) && bytes >= minimum
            ? bytes
            : throw Problem(WrongNumber, option, $"'{text}' is no size of at least {ByteSize.Format(minimum)}.", $"give a size, for example {option} 500MB.");

    private static UsageException Problem(string code, string path, string message, string advice) =>
        new(new RecipeProblem(code, path, message, advice));
}
