using ExpoCluster.Core.Jobs;

namespace ExpoCluster.Cluster.Coordination;

/// <summary>What the coordinator does for its transfers.</summary>
internal interface ITransferringJob
{
    JobState State { get; }

    /// <summary>Work may be given out.</summary>
    bool IsActive { get; }

    /// <summary>Decides, journals what follows, and only then goes on.</summary>
    void Decide(JobCommand command, Action then, Action<JobDecision.Rejected> rejected);

    void Suspend(JobReason reason);

    void Fail(JobReason reason);

    /// <summary>Files have come or gone, or it became known which parts read them.</summary>
    void OnInputsChanged();
}
