using System.Collections.Concurrent;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Parts;

/// <summary>Which files inputs were when this process first opened them.</summary>
/// <remarks>
/// A plan knows length and modification time, and both can be put back by whoever rewrites a file; inode and change time cannot. They
/// are no part of the plan: another host sees others, and so does who restores a copy between two runs. So they are compared only
/// within one process, from the first look at a file to the last part that reads it.
/// </remarks>
public sealed class SeenInputs
{
    private readonly ConcurrentDictionary<string, FileIdentity> first = new(StringComparer.Ordinal);

    /// <summary>As they were when the merge was planned, in this process.</summary>
    public static SeenInputs Of(PlannedMerge merge)
    {
        var seen = new SeenInputs();
        foreach (Checkpoints.CheckpointShard shard in merge.Aligned.Shards.Concat(merge.Base.Shards))
        {
            if (shard.Identity is { } identity)
            {
                seen.first.TryAdd(shard.Path, identity);
            }
        }

        return seen;
    }

    /// <summary>Throws unless it is the file that was first seen by this name, and nobody has touched it since.</summary>
    /// <exception cref="Tensors.TensorFileException">It is not.</exception>
    internal void Compare(PlanInput planned, FileIdentity now)
    {
        FileIdentity then = first.GetOrAdd(planned.Path, now);
        if (then == now || !FileSystemFacts.Of(planned.Path).KeepsIdentities)
        {
            return;
        }

        throw IsSameFile(then, now)
            ? InputFiles.Changed(planned, "the file was rewritten in place, or its permissions, links or name were changed,", Change(then), Change(now), Advice)
            : Replaced(planned, then, now);
    }

    /// <summary>Throws when another file was opened than the one that was seen by this name: it may have been swapped behind a look.</summary>
    /// <exception cref="Tensors.TensorFileException">It was.</exception>
    internal void CompareOpened(PlanInput planned, FileIdentity opened)
    {
        if (first.TryGetValue(planned.Path, out FileIdentity then) && !IsSameFile(then, opened) && FileSystemFacts.Of(planned.Path).KeepsIdentities)
        {
            throw Replaced(planned, then, opened);
        }
    }

    private static bool IsSameFile(FileIdentity one, FileIdentity other) => (one.Device, one.Inode) == (other.Device, other.Inode);

    private static Tensors.TensorFileException Replaced(PlanInput planned, FileIdentity then, FileIdentity now) =>
        InputFiles.Changed(planned, "another file has taken its place", $"inode {then.Inode}", $"inode {now.Inode}", Advice);

    // Parts that are done were computed from what was there before.
    private const string Advice =
        "if its bytes are others now, put the old ones back or start over with --restart; if they are the same, run the same command again: it resumes.";

    private static string Change(FileIdentity identity) => "changed " + PlanInput.FormatTime(identity.ChangedUnixNanoseconds);
}
