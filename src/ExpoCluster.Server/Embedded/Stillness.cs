using System.Globalization;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Server.Embedded;

/// <summary>Notices when nothing of a merge has moved for a while, and says what is waited for.</summary>
/// <param name="clock">Measures how long.</param>
internal sealed class Stillness(TimeProvider clock)
{
    /// <summary>After this silence something is said, and again after each more.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Lock gate = new();
    private (string State, int Committed, long Bytes, int Sealed, long Sequence) seen;
    private long movedAt = clock.GetTimestamp();
    private int said;
    private string awaited = "the engine, which is starting";

    /// <summary>From now on this is waited for.</summary>
    public void Await(string what)
    {
        lock (gate)
        {
            awaited = what;
            Move();
        }
    }

    public void See(JobProgress now)
    {
        lock (gate)
        {
            var next = (
                now.State,
                now.Committed,
                now.BytesWritten + now.Checked + now.Lanes.Sum(lane => lane.BytesDone) + now.Transfers.Sum(transfer => transfer.BytesDone),
                now.Files.Count(file => file.Sealed),
                now.Sequence);
            awaited = Describe(now);
            if (next != seen)
            {
                seen = next;
                Move();
            }
        }
    }

    /// <summary>What is to be said now; null for nothing.</summary>
    public string? Look()
    {
        lock (gate)
        {
            TimeSpan still = clock.GetElapsedTime(movedAt);
            if (still < Patience * (said + 1))
            {
                return null;
            }

            said = (int)(still / Patience);
            return string.Create(CultureInfo.InvariantCulture, $"nothing has moved for {said * Patience.TotalSeconds:0} s; waiting for {awaited}");
        }
    }

    private void Move()
    {
        movedAt = clock.GetTimestamp();
        said = 0;
    }

    private static string Describe(JobProgress now)
    {
        if (now.State == "publishing")
        {
            return $"the storage, to give {Files(now)} their final names";
        }

        if (now.Publishing > 0)
        {
            return $"the storage, to write {Files(now)} that are to be published";
        }

        if (now.Lanes.Where(lane => lane.Worker.Length > 0).MinBy(lane => lane.BytesDone) is { } slowest)
        {
            string part = $"part {slowest.Part + 1} of {now.Files[slowest.File].Name}";
            string done = $"{ByteSize.Format(slowest.BytesDone)} of {ByteSize.Format(slowest.ByteCount)}";
            return $"{now.Lanes.Count} part{(now.Lanes.Count == 1 ? "" : "s")} to be computed ({part} has {done}): the inputs are read slowly, or the output is written slowly";
        }

        if (now.CheckedOf > now.Checked)
        {
            return "the storage, to read back what an earlier run wrote";
        }

        return now.Files.FirstOrDefault(file => file.Committed == file.Parts && !file.Sealed) is { } unsealed
            ? $"{unsealed.Name} to be checked and sealed"
            : "parts to be given out, which needs all staging files to be made";
    }

    private static string Files(JobProgress now) => now.Publishing > 0 ? string.Create(CultureInfo.InvariantCulture, $"{now.Publishing} files") : "the files";
}
