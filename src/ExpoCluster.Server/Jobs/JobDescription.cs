using ExpoCluster.Client.Jobs;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Cluster.Register;
using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Server.Jobs;

/// <summary>A job as the contract tells it: from the register, and while it lives from what its coordinator says.</summary>
internal static class JobDescription
{
    public static Job Of(RegisterEntry entry, LiveNews? news, bool withFiles)
    {
        Job job = FromRegister(entry, withFiles);
        return news is null || IsOlder(news, entry) || JobStates.HasEnded(entry.State) ? job : WithNews(job, news, withFiles);
    }

    /// <summary>News and register come by different ways, and either may be ahead.</summary>
    public static bool IsOlder(LiveNews news, RegisterEntry entry) => news.Progress.Sequence < entry.Sequence;

    public static JobReason? ReasonOf(Core.Jobs.JobReason? reason) =>
        reason is null ? null : new JobReason(reason.Code, reason.Message, reason.Advice);

    private static Job FromRegister(RegisterEntry entry, bool withFiles)
    {
        RegisterFacts facts = entry.Facts;
        Recipe? recipe = RecipeOf(entry, out string? damage);
        return new Job
        {
            Id = entry.Job,
            Name = recipe?.Name,
            Alphas = recipe is null ? null : !recipe.Sweep.IsEmpty ? recipe.Sweep : recipe.Alpha.Single is { } alpha ? [alpha] : null,
            State = entry.State,
            Reason = ReasonOf(facts.Reason ?? (damage is null ? null : Core.Jobs.JobException.OfDamagedRow(damage))),
            Output = entry.Output.Length == 0 ? [] : facts.Folders.IsEmpty ? [entry.Output] : [.. facts.Folders.Select(folder => Path.Join(entry.Output, folder))],
            Parts = new JobParts(facts.Parts, 0, facts.Committed, 0),
            BytesTotal = facts.Bytes,
            BytesWritten = facts.BytesCommitted,
            Files = withFiles
                ? [.. entry.Files.Select(file => new JobFile(file.Name, file.Bytes, file.Parts, file.Committed, file.BytesCommitted, file.Sealed))]
                : null,
            Lanes = withFiles ? [] : null,
            SubmittedBy = facts.SubmittedBy,
            SubmittedAt = entry.SubmittedAt,
            ChangedAt = entry.ChangedAt,
            PlanDigest = facts.PlanDigest,
        };
    }

    // A recipe may be of a newer version's words.
    private static Recipe? RecipeOf(RegisterEntry entry, out string? damage)
    {
        damage = entry.Damage;
        if (damage is not null)
        {
            return null;
        }

        try
        {
            return Recipe.FromCanonicalJson(entry.Facts.RecipeJson);
        }
#pragma warning disable CA1031 // Whatever a row of a database leads to, the other jobs of the list are shown.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            damage = $"its recipe: {exception.Message.TrimEnd('.')}";
            return null;
        }
    }

    private static Job WithNews(Job job, LiveNews news, bool withFiles)
    {
        JobProgress progress = news.Progress;
        long written = progress.Files.Sum(file => file.BytesCommitted);
        JobTransfers? transfers = TransfersOf(progress, withFiles);
        long left = progress.State == JobStates.Transferring && transfers is not null
            ? transfers.Bytes - transfers.BytesDone
            : job.BytesTotal - written - progress.Lanes.Sum(lane => lane.BytesDone);
        return job with
        {
            State = progress.State,
            Reason = progress.Reason is { } reason ? new JobReason(reason.Code, reason.Message, reason.Advice) : null,
            Parts = new JobParts(progress.Total, progress.Lanes.Count, progress.Committed, progress.Reused),
            BytesRead = progress.BytesRead,
            BytesWritten = written,
            Rate = news.BytesPerSecond,
            SecondsLeft = news.BytesPerSecond is { } rate ? left / rate : null,
            Files = withFiles
                ? [.. progress.Files.Select(file => new JobFile(file.Name, file.ByteLength, file.Parts, file.Committed, file.BytesCommitted, file.Sealed))]
                : null,
            Lanes = withFiles
                ? [.. progress.Lanes.Select(lane => new JobLane(lane.Worker, lane.File, lane.Part, lane.BytesDone, lane.ByteCount))]
                : null,
            Transfers = transfers,
            Coordinator = news.Coordinator,
        };
    }

    private static JobTransfers? TransfersOf(JobProgress progress, bool withFiles) => progress.Transfers.Count == 0 ? null : new JobTransfers(
        progress.Transfers.Count,
        progress.Transfers.Count(transfer => transfer.Done),
        progress.Transfers.Sum(transfer => transfer.ByteLength),
        progress.Transfers.Sum(transfer => transfer.BytesDone),
        withFiles
            ? [.. progress.Transfers.Where(transfer => !transfer.Done && transfer.Worker.Length > 0)
                .Select(transfer => new JobTransfer(transfer.Worker, transfer.Name, transfer.BytesDone, transfer.ByteLength))]
            : null);
}
