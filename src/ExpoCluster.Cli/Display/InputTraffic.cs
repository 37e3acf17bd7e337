using System.Globalization;
using System.Text.Json.Nodes;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Cli.Display;

/// <summary>How the bytes of a merge will come from its inputs and go to its output, and why.</summary>
/// <param name="Mode">How local inputs are read.</param>
/// <param name="Network">The kind of network file system that decided it; null where none did.</param>
/// <param name="ResidentShare">Which share of the local inputs memory holds now.</param>
/// <param name="AreRemote">All inputs come over HTTP.</param>
internal sealed record InputTraffic(ReadMode Mode, string? Network, double ResidentShare, bool AreRemote)
{
    // Nearly all, and next to nothing.
    private const double Most = 0.995;

    /// <param name="plan">Whose inputs.</param>
    /// <param name="wanted">What was asked for.</param>
    public static InputTraffic Of(Plan plan, ReadMode wanted)
    {
        string? network = wanted == ReadMode.Automatic
            ? FileSystemFacts.NetworkKind(plan.Inputs.Where(input => !input.IsRemote).Select(input => Path.GetDirectoryName(input.Path)!))
            : null;
        using var inputs = new InputFiles(plan);
        return new InputTraffic(
            network is null ? wanted : ReadMode.Positioned,
            network,
            network is null ? inputs.ResidentShare() : 0,
            plan.Inputs.All(input => input.IsRemote));
    }

    public string Describe() => this switch
    {
        { AreRemote: true } => "over HTTP",
        { Network: { } kind } => $"not mapped, for they are on {kind}",
        { Mode: ReadMode.Mapped } => "mapped, as asked",
        { Mode: ReadMode.Positioned } => "not mapped, as asked",
        { ResidentShare: >= Most } => "all of it in memory and mapped",
        { ResidentShare: <= 1 - Most } => "none of it in memory: past the page cache",
        _ => string.Create(CultureInfo.InvariantCulture, $"{ResidentShare:P0} of it in memory and mapped, the rest past the page cache"),
    };

    public static string DescribeOutput(FileSystemFacts storage) =>
        storage.CanWriteDirect ? $"past the page cache of {storage.Kind}" : $"through the page cache, for {storage.Kind} has no other way";

    public JsonObject ToJson(FileSystemFacts? storage) => new()
    {
        ["inputs"] = AreRemote ? "http" : Mode.Word(),
        ["network"] = Network,
        ["residentShare"] = AreRemote ? null : ResidentShare,
        ["output"] = storage is null ? null : storage.CanWriteDirect ? "direct" : "buffered",
    };
}
