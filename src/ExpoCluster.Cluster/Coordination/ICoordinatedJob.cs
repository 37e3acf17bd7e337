using ExpoCluster.Core.Jobs;

namespace ExpoCluster.Cluster.Coordination;

/// <summary>What the coordinator does for its desks, which look after parts and transfers.</summary>
internal interface ICoordinatedJob
{
    string Id { get; }

    JobState State { get; }

    /// <summary>Work may be given out.</summary>
    bool IsActive { get; }

    /// <summary>All staging files are there.</summary>
    bool IsPrepared { get; }

    /// <summary>This process has the output's claim.</summary>
    bool HoldsOutput { get; }

    /// <summary>Decides, journals what follows, and only then goes on.</summary>
    void Decide(JobCommand command, Action then, Action<JobDecision.Rejected>? rejected = null);

    void Suspend(JobReason reason);

    void Fail(JobReason reason);

    /// <summary>Files have come or gone, or it became known which parts read them.</summary>
    void OnInputsChanged();

    /// <summary>Parts were given out or back, or committed.</summary>
    void OnLeasesChanged();

    /// <summary>Nobody computes parts for an earlier coordinator any more.</summary>
    void OnLeasesSettled();
}
