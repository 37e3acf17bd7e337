using System.Collections.Immutable;
using System.Globalization;
using BenchmarkDotNet.Attributes;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;

namespace ExpoCluster.Benchmarks;

/// <summary>A coordinator's state from its events, without the journal: a job of so many parts, half of them committed in groups of sixteen.</summary>
[MemoryDiagnoser]
public class RecoveryBenchmarks
{
    private const int PartsOfFile = 256;
    private const int PartsOfGroup = 16;

    private ImmutableArray<JobEvent> events;

    /// <summary>A model of 671 billion parameters has 40,944.</summary>
    [Params(512, 40_960)]
    public int Parts { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        int files = Parts / PartsOfFile;
        var told = ImmutableArray.CreateBuilder<JobEvent>();
        told.Add(new JobEvent.Submitted("job", "{}", "/out", Overwrite: false, DateTimeOffset.UnixEpoch));
        told.Add(new JobEvent.Planned("digest", 1, PartGrid.PartBytes, [.. Enumerable.Range(0, files).Select(FileOf)]));
        told.Add(new JobEvent.CoordinatorStarted(1));
        told.AddRange(Enumerable.Range(0, files).Select(file => new JobEvent.StagingCreated(file, 1)));
        told.AddRange(
            from file in Enumerable.Range(0, files / 2)
            from part in Enumerable.Range(0, PartsOfFile / PartsOfGroup).Select(index => index * PartsOfGroup)
            select new JobEvent.PartsCommitted(file, 1, [.. Enumerable.Range(part, PartsOfGroup).Select(PartOf)]));
        events = told.ToImmutable();
    }

    [Benchmark]
    public JobState Replay() => events.Aggregate(JobState.Empty, (state, journalled) => state.Apply(journalled));

    private static JobFile FileOf(int file) =>
        new(string.Create(CultureInfo.InvariantCulture, $"model-{file:00000}.safetensors"), (long)PartsOfFile * PartGrid.PartBytes);

    private static CommittedPart PartOf(int part) => new(part, new byte[PartGrid.BlocksPerPart * BlockDigest.ByteCount]);
}
