using System.Collections.Immutable;
using System.Text;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.SideFiles;

namespace ExpoCluster.Core.Storage;

/// <summary>The directories below which a server may touch files, whatever it is asked to merge.</summary>
/// <param name="paths">Real paths; relative ones of requests are meant below the first.</param>
public sealed class StorageRoots(ImmutableArray<string> paths)
{
    public const string OutsideRoots = "EXPO5020";

    /// <summary>Half of what systems take, for we put names of our own behind it; and links are looked for name by name.</summary>
    private const int MaxPathBytes = 2048;

    private const int MaxNameBytes = 255;

    private static readonly char[] Separators = [Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar];

    public ImmutableArray<string> Paths { get; } = paths;

    /// <summary>The real path that is meant, which lies below a root.</summary>
    /// <param name="field">Where the path was given, for the message: <c>base</c>.</param>
    /// <param name="path">Absolute, or relative to the first root.</param>
    /// <exception cref="UsageException">It climbs with <c>..</c>, is far too long, or leads elsewhere, itself or by a symbolic link.</exception>
    public string Resolve(string field, string path)
    {
        if (path.Contains('\0', StringComparison.Ordinal) || path.Split(Separators).Contains(".."))
        {
            throw Refusal(field, path, "contains '..' or a character that no path has");
        }

        if (Encoding.UTF8.GetByteCount(path) > MaxPathBytes || path.Split(Separators).Any(name => Encoding.UTF8.GetByteCount(name) > MaxNameBytes))
        {
            throw Refusal(field, path, $"is longer than {MaxPathBytes} bytes, or a name in it than {MaxNameBytes}");
        }

        string real = RealOf(field, path);
        return Contains(real) ? real : throw Refusal(field, path, $"leads to {real}, which is below none of the storage roots");
    }

    private string RealOf(string field, string path)
    {
        try
        {
            return RealPath.Of(Path.Combine(Paths[0], path));
        }
        catch (StorageException circle)
        {
            throw Refusal(field, path, $"leads nowhere ({circle.Message.TrimEnd('.')})");
        }
    }

    /// <summary>Checks what a plan reads: a checkpoint below a root may hold symbolic links that lead out of it.</summary>
    /// <param name="plan">What would be read.</param>
    /// <param name="cache">Where files of the Hub are read.</param>
    /// <exception cref="UsageException">An input lies elsewhere.</exception>
    public void Check(Plan plan, HubCache cache)
    {
        foreach (PlanInput input in plan.Inputs)
        {
            CheckFile(input.Path, input.IsRemote ? cache.PlaceOf(HubFile.OfPlan(input.Path, input.ByteLength)) : input.Path);
        }

        // What goes along with the weights is copied into the output, where whoever asked for it can read it.
        if (plan.SideFileDirectory is { } directory && !HubReference.Matches(directory))
        {
            foreach (SideFile file in SideFileSelection.Select(directory))
            {
                CheckFile(file.SourcePath, file.SourcePath);
            }
        }
    }

    /// <summary>The real path of a file that is about to be read.</summary>
    /// <param name="name">By which messages call it.</param>
    /// <param name="path">Where it is.</param>
    /// <exception cref="UsageException">It lies elsewhere.</exception>
    public string CheckFile(string name, string path)
    {
        string real = RealPath.Of(path);
        return Contains(real) ? real : throw Refusal("input", name, $"leads to {real}, which is below none of the storage roots");
    }

    /// <summary>Whether a real path lies below a root.</summary>
    public bool Contains(string real) => Paths.Any(root => RealPath.IsInside(real, root));

    private UsageException Refusal(string field, string path, string why) => new(new RecipeProblem(
        OutsideRoots, field, $"'{path}' {why}.", $"use a path below {string.Join(" or ", Paths)}, absolute or relative to the first of them."));
}
