namespace ExpoCluster.Client.Jobs;

/// <summary>One execution of a recipe, as the server knows it.</summary>
public sealed record Job
{
    public required string Id { get; init; }

    /// <summary>Of the recipe.</summary>
    public string? Name { get; init; }

    /// <summary>As asked for, several in a sweep; null where alpha depends on the tensor.</summary>
    public IReadOnlyList<double>? Alphas { get; init; }

    /// <summary>One of <see cref="JobStates"/>.</summary>
    public required string State { get; init; }

    /// <summary>Why it is suspended or has failed.</summary>
    public JobReason? Reason { get; init; }

    /// <summary>The output directories, absolute paths of the server.</summary>
    public IReadOnlyList<string> Output { get; init => field = value ?? []; } = [];

    /// <summary>None where a server does not say.</summary>
    public JobParts Parts { get; init => field = value ?? new(0, 0, 0, 0); } = new(0, 0, 0, 0);

    /// <summary>Of all output files.</summary>
    public long BytesTotal { get; init; }

    /// <summary>Input bytes read since the present coordinator took over.</summary>
    public long BytesRead { get; init; }

    /// <summary>Output bytes that are committed.</summary>
    public long BytesWritten { get; init; }

    /// <summary>Output bytes per second over the last seconds, while transferring bytes that arrive; null when nothing moves.</summary>
    public double? Rate { get; init; }

    /// <summary>Null when nothing moves.</summary>
    public double? SecondsLeft { get; init; }

    /// <summary>Null in lists.</summary>
    public IReadOnlyList<JobFile>? Files { get; init; }

    /// <summary>Parts that are being computed; null in lists.</summary>
    public IReadOnlyList<JobLane>? Lanes { get; init; }

    /// <summary>Files that are fetched from the Hub; null where there are none.</summary>
    public JobTransfers? Transfers { get; init; }

    /// <summary>The node that owns the job; null when it has ended or is not to be found.</summary>
    public string? Coordinator { get; init; }

    /// <summary>The name that belongs to the token; null without authentication.</summary>
    public string? SubmittedBy { get; init; }

    public DateTimeOffset SubmittedAt { get; init; }

    /// <summary>When it came into its state.</summary>
    public DateTimeOffset ChangedAt { get; init; }

    public string? PlanDigest { get; init; }

    /// <summary>What was changed, one entry for each output; null in lists and while the job is not done.</summary>
    public IReadOnlyList<OutputStatistics>? Statistics { get; init; }

    /// <summary>Tensors that are dropped or taken from aligned, files that are ignored: told to whoever submits, and null later.</summary>
    public IReadOnlyList<string>? Notes { get; init; }

    /// <summary>What speaks against the merge: told to whoever submits, and null later.</summary>
    public IReadOnlyList<MergeWarning>? Warnings { get; init; }
}

/// <summary>Why a job rests or has failed.</summary>
/// <param name="Code">For example <c>EXPO4001</c>.</param>
/// <param name="Message">What, where, expected and found.</param>
/// <param name="Advice">What to do.</param>
public sealed record JobReason(string Code, string Message, string Advice);

/// <summary>How many parts a job has.</summary>
/// <param name="Total">All parts of the plan.</param>
/// <param name="Assigned">Being computed.</param>
/// <param name="Committed">Durable and journalled.</param>
/// <param name="Reused">Of the committed ones, those committed before the present coordinator took over.</param>
public sealed record JobParts(int Total, int Assigned, int Committed, int Reused);

/// <summary>One output file.</summary>
public sealed record JobFile(string Name, long Bytes, int Parts, int Committed, long BytesCommitted, bool Sealed);

/// <summary>A part that is being computed.</summary>
/// <param name="Worker">Its node.</param>
/// <param name="File">Index of the output file.</param>
/// <param name="Part">Index of the part in the file.</param>
/// <param name="BytesDone">Of the part.</param>
/// <param name="Bytes">Of the whole part.</param>
public sealed record JobLane(string Worker, int File, int Part, long BytesDone, long Bytes);

/// <summary>How the files get on that a job fetches from the Hub.</summary>
/// <param name="Files">How many were not in the cache.</param>
/// <param name="FilesDone">Of these, how many are now.</param>
/// <param name="Bytes">Of all of them.</param>
/// <param name="BytesDone">Bytes that have arrived.</param>
/// <param name="UnderWay">What is being fetched; null in lists.</param>
public sealed record JobTransfers(int Files, int FilesDone, long Bytes, long BytesDone, IReadOnlyList<JobTransfer>? UnderWay);

/// <summary>A file that is being fetched.</summary>
/// <param name="Worker">The node that does.</param>
/// <param name="Name"><c>hf:org/name@commit/file</c>.</param>
/// <param name="BytesDone">Bytes that have arrived.</param>
/// <param name="Bytes">Of the file.</param>
public sealed record JobTransfer(string Worker, string Name, long BytesDone, long Bytes);

/// <summary>A page of the job list, newest first.</summary>
/// <param name="Jobs">Without files and lanes.</param>
/// <param name="Next">The cursor of the next page; null on the last one.</param>
public sealed record JobPage(IReadOnlyList<Job> Jobs, string? Next);
