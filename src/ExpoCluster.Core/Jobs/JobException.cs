using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Jobs;

/// <summary>A job cannot be started, resumed or finished as asked.</summary>
public sealed class JobException(string code, string message, string advice, Exception? innerException = null)
    : ExpoException(code, message, advice, innerException)
{
    public const string Claimed = "EXPO3001";
    public const string PartsDisagree = "EXPO3002";
    public const string OtherNumerics = "EXPO3004";
    public const string PlanDamaged = "EXPO3005";
    public const string EngineStopped = "EXPO3006";
    public const string PlanNotOurs = "EXPO3007";
    public const string WrongPhase = "EXPO3008";
    public const string DeadlyPart = "EXPO3010";
    public const string NoSuchJob = "EXPO3011";
    public const string IdTaken = "EXPO3012";
    public const string JournalDamaged = "EXPO3013";
    public const string EngineDied = "EXPO3014";
    public const string RowDamaged = "EXPO3015";
    public const string AwaitsWorker = "EXPO3016";
    public const string NotEnoughMemory = "EXPO3030";
    public const string NoAnswer = "EXPO5105";

    /// <summary>What is journalled of a job cannot be read, by this build or by any.</summary>
    /// <param name="journal">The file, or the database and the job's id.</param>
    /// <param name="why">What is wrong with it.</param>
    /// <param name="advice">What to do.</param>
    /// <param name="inner">What was met.</param>
    public static JobException OfDamagedJournal(string journal, string why, string advice, Exception? inner = null) => new(
        JournalDamaged, $"{journal}: the job's journal cannot be gone on with ({why.TrimEnd('.')}).", advice, inner);

    /// <summary>What the list of jobs says of one cannot be read; its journal may be sound.</summary>
    /// <param name="why">What is wrong, as half a sentence.</param>
    public static JobReason OfDamagedRow(string why) => new(
        RowDamaged,
        $"what the database's list of jobs says of this job cannot be read ({why}).",
        "restore the row of the table expocluster_jobs, or cancel the job, and forget it by 'jobs prune'.");

    /// <summary>Why a job that could run does not: nobody is there who computes.</summary>
    public static JobReason WithoutWorkers() => new(
        AwaitsWorker,
        "the job waits for a worker: no node with the role worker is a member of the cluster.",
        "nothing where an autoscaler starts workers; elsewhere start a node with the role worker. The job goes on by itself when the first has joined.");

    /// <summary>Why a job that could run does not: every worker that is there declined it.</summary>
    /// <param name="last">What the last one said.</param>
    public static JobReason DeclinedByAll(JobReason last) => new(
        OtherNumerics,
        $"the job waits for a worker that can compute it; those that are there cannot. The last one said: {last.Message}",
        "update the workers, or start one of the version that made the plan. The job goes on by itself when it has joined.");

    /// <summary>The plan asks for a method that this version has in other numerics, or not at all.</summary>
    /// <param name="method">Its name.</param>
    /// <param name="wanted">The numerics version that the plan was made for.</param>
    /// <param name="had">The one of this version; null where it does not have the method.</param>
    public static JobException OfOtherNumerics(string method, int wanted, int? had) => new(
        OtherNumerics,
        $"the plan asks for numerics version {wanted} of the method {Printable.Of(method)}, and this version of ExpoCluster has "
            + (had is { } version ? $"version {version}." : "no such method."),
        "run it with the version of ExpoCluster that made the plan, or start over with --restart.");

    /// <summary>The plan is of a format that this version cannot read.</summary>
    public static JobException OfUnknownPlanFormat(int format, int known) => new(
        OtherNumerics,
        $"the plan is of format {format}, and this version of ExpoCluster reads formats 1 to {known}.",
        "run it with the version of ExpoCluster that made the plan, or start over with --restart.");

    /// <summary>The program is at fault, or there was no memory for what it did.</summary>
    public static JobException Unforeseen(Exception exception) => MemoryShortage.Of(exception) ?? new(
        EngineStopped, $"the engine failed in a way that nobody foresaw: {exception.GetType().Name}: {exception.Message}", "please report this as a bug of ExpoCluster.", exception);

    /// <summary>Another job of the same cluster has the directory until it is done or cancelled.</summary>
    public static JobException OutputTaken(string output, string job) => new(
        Claimed, $"{output}: job {job} has this directory.", "wait for it, cancel it, or choose another output.");

    /// <summary>An embedded merge computes the plan that its command made, and no other.</summary>
    public static JobException OtherPlan(string job, string planDigest) => new(
        PlanNotOurs, $"job {job}: plan {planDigest} is not the one that this process merges.", "run a command of its own for it.");

    public static JobException Unknown(string job) => new(
        NoSuchJob, $"there is no job '{job}'.", "list the jobs to see their ids: expocluster jobs list --server URL.");

    public static JobException IdIsTaken(string job) => new(
        IdTaken, $"job {job} exists already, with another recipe.", "choose another id, or look at the job that has it.");

    public static JobException NotPossible(string job, string state, string why) => new(
        WrongPhase, $"job {job} is {state}: {why}.", "look at the job's state.");

    /// <summary>The owner of a job is silent, as while it moves to another node.</summary>
    public static JobException Unanswered(string job, TimeSpan patience) => new(
        NoAnswer,
        $"job {job}: its coordinator did not answer within {patience.TotalSeconds:0} s.",
        "send the request again, which does no harm; if that goes on, check that nodes with the role coordinator and the database are up.");

    /// <summary>Another job of this cluster writes, or could go on to write, into the directory.</summary>
    public static JobException OutputOfOtherJob(string output, string job, string state) => new(
        Claimed,
        $"{output}: job {job}, which is {state}, merges into this directory.",
        "wait for it, cancel it, or choose another output; if it failed or is suspended it can be resumed.");

    public static JobException OutputClaimed(string output, ClaimRecord? holder)
    {
        string who = holder is null ? "another process" : $"job {holder.Job} (process {holder.Pid} on {holder.Host})";
        return new JobException(
            Claimed, $"{output}: {who} is merging into this directory.", "wait for it, stop it, or choose another --out.");
    }
}
