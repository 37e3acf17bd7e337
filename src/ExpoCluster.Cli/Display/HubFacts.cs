using System.Text.Json.Nodes;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Hub.Download;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Cli.Display;

/// <summary>What a merge of models of the Hub would download, and where it would keep that.</summary>
/// <param name="Merge">The plan.</param>
/// <param name="Needs">What is needed, cached and missing.</param>
/// <param name="Storage">Of the cache.</param>
/// <param name="KeepsNothing">Inputs are read straight through.</param>
internal sealed record HubFacts(PlannedMerge Merge, HubNeeds Needs, FileSystemFacts Storage, bool KeepsNothing)
{
    private long DiskNeeded => KeepsNothing ? 0 : Needs.NeededDiskBytes;

    /// <summary>Null where no model of the Hub is involved.</summary>
    public static HubFacts? Of(PlannedMerge merge, bool keepsNothing) =>
        HubNeeds.IsInvolvedIn(merge) && HubNeeds.Of(merge, HubSession.Shared) is { } needs
            ? new HubFacts(merge, needs, FileSystemFacts.Of(needs.Cache.Directory), keepsNothing)
            : null;

    public JsonObject ToJson() => new()
    {
        ["base"] = Merge.Base.PinnedReference,
        ["aligned"] = Merge.Aligned.PinnedReference,
        ["cache"] = Needs.Cache.Directory,
        ["keeps"] = !KeepsNothing,
        ["cachedBytes"] = Needs.CachedBytes,
        ["downloadBytes"] = Needs.MissingBytes,
        ["downloadFiles"] = Needs.Missing.Length,
        ["diskNeeded"] = DiskNeeded,
        ["diskFree"] = Storage.FreeBytes,
        ["bytesReceived"] = HubSession.Shared.Client.BytesReceived,
    };

    public IEnumerable<(string Name, string Value)> Lines()
    {
        if (Merge.Base.PinnedReference != Merge.Base.Reference)
        {
            yield return ("base is", Merge.Base.PinnedReference);
        }

        if (Merge.Aligned.PinnedReference != Merge.Aligned.Reference)
        {
            yield return ("aligned is", Merge.Aligned.PinnedReference);
        }

        string cached = Needs.CachedBytes > 0 ? $"; {ByteSize.Format(Needs.CachedBytes)} are cached" : "";
        yield return Needs.Missing.IsEmpty
            ? ("download", "nothing, all is cached")
            : ("download", $"{ByteSize.Format(Needs.MissingBytes)} in {Needs.Missing.Length} file{(Needs.Missing.Length == 1 ? "" : "s")}{cached}");
        yield return ("cache", KeepsNothing
            ? $"{Needs.Cache.Directory}: nothing is kept there"
            : $"{Needs.Cache.Directory}: {ByteSize.Format(DiskNeeded)} needed, {ByteSize.Format(Storage.FreeBytes)} free on {Storage.Kind}");
    }
}
