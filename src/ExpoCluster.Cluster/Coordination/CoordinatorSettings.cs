using System.Collections.Immutable;
using ExpoCluster.Cluster.Register;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;

namespace ExpoCluster.Cluster.Coordination;

/// <summary>How a coordinator behaves on this node.</summary>
public sealed record CoordinatorSettings
{
    /// <summary>How long a part may make no progress before it is offered again.</summary>
    public TimeSpan LeaseDuration { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How often leases are checked, requests repeated and watchers told.</summary>
    public TimeSpan TickInterval { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Requests to writers and offers to workers are repeated after this time.</summary>
    public TimeSpan RepeatInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>A recovered coordinator waits for ResumeJob. So it is in an embedded merge: the command decides whether to go on.</summary>
    public bool AwaitResume { get; init; }

    /// <summary>What earlier runs committed is read back when the job is resumed and nobody of them is left.</summary>
    public bool ReviewsStaging { get; init; }

    /// <summary>Told of every change to the set of parts under way; the embedded merge keeps it in its claim.</summary>
    public Action<ImmutableArray<PartLease>>? InFlight { get; init; }

    /// <summary>Told why a coordinator cannot go on for now; the embedded merge ends with it, for the same command goes on where it was.</summary>
    public Action<ExpoException>? Stopped { get; init; }

    /// <summary>Jobs that nobody can read any more, with the reason.</summary>
    internal DamagedJobs Damaged { get; } = new();

    /// <summary>Who admits jobs to output directories; null in an embedded merge, which has claimed its output by itself.</summary>
    public OutputAdmission? Admission { get; init; }

    /// <summary>All workers are in the coordinator's own process, as on a node that is no cluster's.</summary>
    public bool IsAlone { get; init; }

    /// <summary>An entity that has no job, for nobody submitted one under its name, leaves after this time.</summary>
    public TimeSpan IdleLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Where states of jobs are listed; null in an embedded merge, which has one job.</summary>
    public JobRegister? Register { get; init; }

    /// <summary>Where workers have brought files of the Hub; null in an embedded merge.</summary>
    public HubCache? HubCache { get; init; }

    /// <summary>The digest of the only plan that is taken, in an embedded merge the one that the command made; null to take any.</summary>
    public string? OnlyPlan { get; init; }

    /// <summary>Below which a job's inputs, side files and output must lie; null in an embedded merge, which may read what its user may.</summary>
    public StorageRoots? StorageRoots { get; init; }

    /// <summary>Written into provenance and model card.</summary>
    public required string Version { get; init; }
}
