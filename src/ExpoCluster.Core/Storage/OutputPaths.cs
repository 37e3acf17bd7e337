using System.Globalization;
using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Core.Storage;

/// <summary>Where everything of one output directory lies. Only the published files stay when a job is done.</summary>
/// <param name="Root">The output directory, absolute, links resolved.</param>
public sealed record OutputPaths(string Root)
{
    public const string WorkspaceName = ".expocluster";

    public const string ProvenanceName = "expocluster.json";

    /// <summary>By which the nodes of a cluster know a storage root.</summary>
    public const string StorageTokenName = ".expocluster-storage";

    /// <summary>Hidden from loaders; removed when the job has ended.</summary>
    public string Workspace => Path.Join(Root, WorkspaceName);

    public string Claim => Path.Join(Workspace, "claim");

    /// <summary>The journal of an embedded merge.</summary>
    public string Journal => Path.Join(Workspace, "journal.db");

    public string Provenance => Path.Join(Root, ProvenanceName);

    /// <exception cref="UsageException">The path is no UTF-8: another directory would be read or made.</exception>
    /// <exception cref="StorageException">What lies on the way there cannot be looked at.</exception>
    public static OutputPaths Of(string directory)
    {
        string root = RootOf(directory);
        return PathText.IsFaithful(root) ? new OutputPaths(root) : throw PathText.Unfaithful(root);
    }

    private static string RootOf(string directory)
    {
        try
        {
            return RealPath.Of(directory);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw StorageException.From(exception, directory, "find out where this leads");
        }
    }

    public string Plan(string job) => Path.Join(Workspace, job + ".plan.json");

    /// <summary>The staging directory of one generation. A generation is never used twice.</summary>
    public string Staging(string job, int generation) =>
        Path.Join(Workspace, string.Create(CultureInfo.InvariantCulture, $"{job}-{generation}"));

    public string StagingFile(string job, int generation, string fileName) => Path.Join(Staging(job, generation), fileName);

    /// <summary>Side files, index and provenance, made ready before anything is published.</summary>
    public string Prepared(string job) => Path.Join(Workspace, job + "-prepared");

    /// <summary>Aligned's side files, where they are neither in a directory nor in the Hub's cache.</summary>
    public string RemoteSideFiles => Path.Join(Workspace, "side-files");

    /// <summary>The commits that this output's merge began with.</summary>
    public string HubPins => Path.Join(Workspace, "hub.json");

    /// <summary>Room that is held for what is published beside the weights.</summary>
    public string Room => Path.Join(Workspace, "room");

    /// <summary>What an overwrite moved out of the way.</summary>
    public string Replaced(string job) => Path.Join(Workspace, job + "-replaced");

    public string Published(string fileName) => Path.Join(Root, fileName);

    /// <summary>Where one variant of a sweep is published; the output directory itself for the empty folder.</summary>
    public OutputPaths Variant(string folder) => folder.Length == 0 ? this : new OutputPaths(Path.Join(Root, folder));
}
