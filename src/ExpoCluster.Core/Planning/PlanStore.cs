using System.Collections.Concurrent;
using System.Text.Json;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Planning;

/// <summary>Plans by digest. They lie beside the output, so that only their digest travels between nodes.</summary>
public sealed class PlanStore
{
    /// <summary>A plan of a million tensors has half of it.</summary>
    private const int MaxBytes = 1 << 30;

    private readonly ConcurrentDictionary<string, Plan> known = new(StringComparer.Ordinal);

    /// <summary>Makes the plan durable and remembers it.</summary>
    /// <exception cref="StorageException">It cannot be written, or its directory is a link or no directory.</exception>
    public void Save(string path, Plan plan)
    {
        PlainFile.DemandDirectory(Path.GetDirectoryName(path)!);
        known[plan.Digest] = plan;
        Durability.WriteWhole(path, plan.CanonicalJson.Span);
    }

    /// <summary>From memory, or from the file, whose digest must be the one asked for.</summary>
    /// <exception cref="JobException">The file is gone or damaged, or of a format that this build does not know.</exception>
    public Plan Load(string path, string digest) => known.GetOrAdd(digest, _ => Read(path, digest));

    /// <summary>As <see cref="Load"/>, for whoever wants to know something of it and then no more: it is not remembered.</summary>
    /// <exception cref="JobException">The file is gone or damaged, or of a format that this build does not know.</exception>
    public Plan Look(string path, string digest) => known.TryGetValue(digest, out Plan? plan) ? plan : Read(path, digest);

    public void Forget(string digest) => known.TryRemove(digest, out _);

    private static Plan Read(string path, string digest)
    {
        byte[] json;
        try
        {
            json = PlainFile.Read(path, MaxBytes);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or StorageException)
        {
            throw Damaged(path, exception.Message, exception);
        }

        string found = PlanJson.Digest(json);
        if (found != digest)
        {
            throw Damaged(path, $"expected digest {digest}, found {found}");
        }

        try
        {
            return PlanJson.Read(json);
        }
        catch (JsonException exception)
        {
            throw Damaged(path, exception.Message, exception);
        }
    }

    private static JobException Damaged(string path, string why, Exception? inner = null) => new(
        JobException.PlanDamaged, $"{path}: the job's plan cannot be read ({why}).", "start over with --restart.", inner);
}
