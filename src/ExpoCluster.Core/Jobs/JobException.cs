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
    public const string WrongPhase = "EXPO3008";
    public const string DeadlyPart = "EXPO3010";

    /// <summary>Another job of the same cluster has the directory until it is done or cancelled.</summary>
    public static JobException OutputTaken(string output, string job) => new(
        Claimed, $"{output}: job {job} has this directory.", "wait for it, cancel it, or choose another output.");

    public static JobException OutputClaimed(string output, ClaimRecord? holder)
    {
        string who = holder is null ? "another process" : $"job {holder.Job} (process {holder.Pid} on {holder.Host})";
        return new JobException(
            Claimed, $"{output}: {who} is merging into this directory.", "wait for it, stop it, or choose another --out.");
    }
}
