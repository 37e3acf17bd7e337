using System.Runtime.Serialization;
using ExpoCluster.Cluster.Serialization;
using ExpoCluster.Core.Jobs;

namespace ExpoCluster.Cluster.Tests.Serialization;

/// <summary>The bytes below were written by version 0.1, those from j21 on by version 0.2. A change that fails here breaks every journal in the field.</summary>
public sealed class JournalSerializerTests
{
    private static readonly byte[] BlockDigests = [.. Enumerable.Range(0, 16).Select(number => (byte)number)];

    private static readonly (string Manifest, string Hex, JobEvent Event)[] Golden =
    [
        ("j1", "0A0361626312027B7D1A042F6F757420012880D095FFBC31", new JobEvent.Submitted("abc", "{}", "/out", Overwrite: true, DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_000))),
        ("j2", "0A036431671001188080801022180A116D6F64656C2E7361666574656E736F72731080808014", new JobEvent.Planned("d1g", 1, 32 << 20, [new JobFile("model.safetensors", 40L << 20)])),
        ("j3", "0802", new JobEvent.CoordinatorStarted(2)),
        ("j4", "1001", new JobEvent.StagingCreated(File: 0, Generation: 1)),
        ("j5", "10011A1408011210000102030405060708090A0B0C0D0E0F", new JobEvent.PartsCommitted(File: 0, Generation: 1, [new CommittedPart(1, BlockDigests)])),
        ("j6", "080110011A0435656131", new JobEvent.FileSealed(File: 1, Generation: 1, "5ea1")),
        ("j7", "0A084558504F34303031120466756C6C1A096D616B6520726F6F6D", new JobEvent.Suspended("EXPO4001", "full", "make room")),
        ("j8", "", new JobEvent.Resumed()),
        ("j9", "0A0B636F6E6669672E6A736F6E0A116D6F64656C2E7361666574656E736F7273", new JobEvent.Publishing(["config.json", "model.safetensors"])),
        ("j10", "", new JobEvent.Published()),
        ("j11", "0A084558504F3132303712076368616E6765641A07726573746F7265", new JobEvent.Failed("EXPO1207", "changed", "restore")),
        ("j12", "", new JobEvent.Cancelled()),
        // These came with clusters that fetch from the Hub, and stay as well.
        ("j13", "0A020002", new JobEvent.FilesTransferred([0, 2])),
        ("j14", "0A0101", new JobEvent.FilesLost([1])),
        ("j15", "080110011A0102", new JobEvent.PartsLost(File: 1, Generation: 1, [2])),
        ("j21", "0A05613A312362", new JobEvent.WorkerEngaged("a:1#b")),
        ("j22", "", new JobEvent.LeasesSettled()),
    ];

    private readonly JournalSerializer serializer = new(system: null!);

    public static TheoryData<string> Manifests => [.. Golden.Select(row => row.Manifest)];

    [Theory]
    [MemberData(nameof(Manifests))]
    public void An_event_is_written_as_version_0_1_wrote_it(string manifest)
    {
        (string Manifest, string Hex, JobEvent Event) row = Golden.Single(row => row.Manifest == manifest);

        Assert.Equal(manifest, serializer.Manifest(row.Event));
        Assert.Equal(row.Hex, Convert.ToHexString(serializer.ToBinary(row.Event)));
    }

    [Theory]
    [MemberData(nameof(Manifests))]
    public void Bytes_of_version_0_1_are_read(string manifest)
    {
        (string Manifest, string Hex, JobEvent Event) row = Golden.Single(row => row.Manifest == manifest);

        object read = serializer.FromBinary(Convert.FromHexString(row.Hex), manifest);

        Assert.IsType(row.Event.GetType(), read);
        Assert.Equal(row.Hex, Convert.ToHexString(serializer.ToBinary(read)));
    }

    [Fact]
    public void A_journal_of_version_0_1_replays()
    {
        string[] journal = ["j1", "j2", "j3", "j4", "j5"];

        JobState state = journal
            .Select(manifest => Golden.Single(row => row.Manifest == manifest))
            .Select(row => (JobEvent)serializer.FromBinary(Convert.FromHexString(row.Hex), row.Manifest))
            .Aggregate(JobState.Empty, (state, journalled) => state.Apply(journalled));

        Assert.Equal(JobPhase.Running, state.Phase);
        Assert.Equal("/out", state.Submission!.Output);
        Assert.Equal("d1g", state.PlanDigest);
        Assert.Equal(2, state.Incarnation);
        Assert.Equal((2, 1), (state.PartCount, state.CommittedParts));
        Assert.Equal(BlockDigests, state.Files[0].BlockDigests[1]!.Value.ToArray());
    }

    // What came later, and stays as well.
    [Fact]
    public void Variants_and_statistics_have_bytes_of_their_own_and_are_read_back()
    {
        var planned = new JobEvent.Planned("d1g", 1, 32 << 20, [new JobFile("alpha-1/a", 10), new JobFile("alpha-2/a", 10)], Variants: 2);
        var committed = new JobEvent.PartsCommitted(File: 0, Generation: 1, [new CommittedPart(1, BlockDigests, new byte[] { 1, 2, 3 })]);

        byte[] plannedBytes = serializer.ToBinary(planned);
        byte[] committedBytes = serializer.ToBinary(committed);

        Assert.EndsWith("2802", Convert.ToHexString(plannedBytes), StringComparison.Ordinal);
        Assert.EndsWith("1A03010203", Convert.ToHexString(committedBytes), StringComparison.Ordinal);
        Assert.Equal(planned, serializer.FromBinary(plannedBytes, "j2"));
        var read = Assert.IsType<JobEvent.PartsCommitted>(serializer.FromBinary(committedBytes, "j5"));
        Assert.Equal([1, 2, 3], read.Parts[0].Statistics.ToArray());
        Assert.Equal(1, ((JobEvent.Planned)serializer.FromBinary(Convert.FromHexString(Golden[1].Hex), "j2")).Variants);
    }

    [Fact]
    public void What_is_published_beside_the_weights_has_bytes_of_its_own_and_is_read_back()
    {
        var planned = new JobEvent.Planned("d1g", 1, 32 << 20, [new JobFile("a", 10)]) { SideFiles = new JobSideFiles("l1st", 3, 5000) };

        byte[] bytes = serializer.ToBinary(planned);

        Assert.EndsWith("420B" + "0A046C317374" + "1003" + "188827", Convert.ToHexString(bytes), StringComparison.Ordinal);
        Assert.Equal(planned, serializer.FromBinary(bytes, "j2"));
        Assert.Null(((JobEvent.Planned)serializer.FromBinary(Convert.FromHexString(Golden[1].Hex), "j2")).SideFiles);
    }

    [Fact]
    public void Transfers_and_the_pinned_recipe_have_bytes_of_their_own_and_are_read_back()
    {
        var planned = new JobEvent.Planned("d1g", 1, 32 << 20, [new JobFile("a", 10)])
        {
            Transfers = [new JobTransfer("n", 5, "o", "s") { WasThere = true }, new JobTransfer("m", 6, "o", null)], PinnedRecipeJson = "{}",
        };

        byte[] bytes = serializer.ToBinary(planned);

        Assert.EndsWith("320D0A016E10051A016F22017328013208" + "0A016D10061A016F" + "3A027B7D", Convert.ToHexString(bytes), StringComparison.Ordinal);
        Assert.Equal(planned, serializer.FromBinary(bytes, "j2"));
    }

    [Fact]
    public void The_span_above_a_job_has_bytes_of_its_own_and_is_read_back()
    {
        var submitted = (JobEvent.Submitted)Golden[0].Event with { TraceParent = "t" };

        Assert.Equal(Golden[0].Hex + "3A0174", Convert.ToHexString(serializer.ToBinary(submitted)));
        Assert.Equal(submitted, serializer.FromBinary(serializer.ToBinary(submitted), "j1"));
        Assert.Null(((JobEvent.Submitted)serializer.FromBinary(Convert.FromHexString(Golden[0].Hex), "j1")).TraceParent);
    }

    [Fact]
    public void A_coordinator_says_whether_it_names_its_workers()
    {
        var started = new JobEvent.CoordinatorStarted(2) { NamesWorkers = true };

        Assert.Equal("08021001", Convert.ToHexString(serializer.ToBinary(started)));
        Assert.Equal(started, serializer.FromBinary(serializer.ToBinary(started), "j3"));
        Assert.Equal(new JobEvent.CoordinatorStarted(2), serializer.FromBinary(Convert.FromHexString("0802"), "j3"));
    }

    [Fact]
    public void Every_kind_of_event_has_its_golden_bytes()
    {
        IEnumerable<Type> kinds = typeof(JobEvent).GetNestedTypes().Where(type => type.IsSubclassOf(typeof(JobEvent)));

        Assert.Empty(kinds.Except(Golden.Select(row => row.Event.GetType())));
    }

    [Fact]
    public void An_unknown_manifest_is_refused() =>
        Assert.Throws<SerializationException>(() => serializer.FromBinary([], "j99"));

    [Fact]
    public void The_identifier_is_frozen() => Assert.Equal(73_102, serializer.Identifier);
}
