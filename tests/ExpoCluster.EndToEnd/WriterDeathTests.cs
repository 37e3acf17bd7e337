using System.Collections.Immutable;
using System.Diagnostics;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;

namespace ExpoCluster.EndToEnd;

/// <summary>
/// The node of writer and coordinator dies at moments that matter. A byte of a committed part is then changed in the staging file: if it
/// is so in what is published, nobody has computed that part again.
/// </summary>
public sealed class WriterDeathTests : IDisposable
{
    private const string Job = "job1";
    private const string Model = "model.safetensors";

    // Neither in the first nor in the last block of a file, which are read back before it is sealed.
    private const int OffsetInPart = PartGrid.BlockBytes + 12_345;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly Workplace place = new("256MB");
    private readonly PostgresServer? database = PostgresServer.Missing is null ? new PostgresServer() : null;
    private readonly NodeProcesses nodes;
    private readonly int port = PostgresServer.FreePort();

    public WriterDeathTests() => nodes = new NodeProcesses(database!, place.Root);

    private string Staging => Path.Join(place.Output, ".expocluster", Job + "-1");

    public void Dispose()
    {
        nodes.Dispose();
        database?.Dispose();
        place.Dispose();
    }

    [LongFact(Needs.Postgres, "strace")]
    public async Task A_staging_file_that_was_made_and_not_reported_is_adopted()
    {
        // The directory is synced when the file in it is whole.
        ExpoProcess first = StartCoordinator("fsync", 1, Staging);
        await using SubmittingNode user = await StartOthersAsync(first);

        Task<object> submission = user.SubmitAsync(Job, place, place.Output);
        await UntilAsync(() => first.HasExited);
        Assert.True(File.Exists(Path.Join(Staging, Model)), nodes.Logs);
        Assert.DoesNotContain(Journal(), row => row.Event is JobEvent.StagingCreated);
        StartCoordinator();

        Assert.IsType<JobAccepted>(await submission);
        await AssertDoneAsync(user, changedAt: null);
    }

    [LongFact(Needs.Postgres)]
    public async Task What_was_committed_between_two_parts_is_not_computed_again()
    {
        ExpoProcess first = StartCoordinator();
        await using SubmittingNode user = await StartOthersAsync(first);
        await user.SubmitAsync(Job, place, place.Output);

        // By the coordinator's own word: to ask the database takes a process each time, and on a busy machine all is done by then.
        await user.WaitForAsync(Job, now => now.Committed > 0, () => nodes.Logs);
        first.Kill();
        Assert.False(State().Files[0].IsComplete, nodes.Logs);
        long changed = ChangeByteOfCommittedPart();
        StartCoordinator();

        await AssertDoneAsync(user, changed);
    }

    [LongFact(Needs.Postgres, "strace")]
    public async Task A_file_that_was_checked_and_not_reported_as_sealed_is_sealed_as_it_is()
    {
        // strace counts by thread: that of the check closes it when it has looked at it, and when it has checked it.
        ExpoProcess first = StartCoordinator("close", 2, Path.Join(Staging, Model));
        await using SubmittingNode user = await StartOthersAsync(first);
        await user.SubmitAsync(Job, place, place.Output);

        await UntilAsync(() => first.HasExited);
        JobState state = State();
        Assert.True(state.Files[0] is { IsComplete: true, IsSealed: false }, nodes.Logs);
        long changed = ChangeByteOfCommittedPart();
        StartCoordinator();

        await AssertDoneAsync(user, changed);
    }

    private ExpoProcess StartCoordinator() => nodes.Start("coordinator", port);

    private ExpoProcess StartCoordinator(string call, int time, string path) => nodes.StartUnder(
        ["strace", "-f", "-o", "/dev/null", "-P", path, "-e", $"trace={call}", "-e", $"inject={call}:signal=KILL:when={time}"], "coordinator", port);

    private async Task<SubmittingNode> StartOthersAsync(ExpoProcess coordinator)
    {
        NodeProcesses.WaitForMembers(coordinator, nodes.Start("worker", 0, "--max-rate", "12MB"), nodes.Start("worker", 0, "--max-rate", "12MB"));
        return await SubmittingNode.JoinAsync(database!, place.Root);
    }

    private ImmutableArray<JournalledEvent> Journal() => JournalledEvent.Of(Job, database!);

    private JobState State() => JournalledEvent.AssertConsistent(Journal());

    private long ChangeByteOfCommittedPart()
    {
        int part = Journal().Select(row => row.Event).OfType<JobEvent.PartsCommitted>().First().Parts[0].Part;
        long offset = ((long)part * PartGrid.PartBytes) + OffsetInPart;
        Flip(Path.Join(Staging, Model), offset);
        return offset;
    }

    private static void Flip(string path, long offset)
    {
        using FileStream file = File.Open(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        file.Position = offset;
        int value = file.ReadByte();
        file.Position = offset;
        file.WriteByte((byte)(value ^ 0xFF));
    }

    private async Task AssertDoneAsync(SubmittingNode user, long? changedAt)
    {
        await user.WaitForAsync(Job, now => now.State == "done", () => nodes.Logs);
        await UntilAsync(() => !Directory.Exists(Path.Join(place.Output, ".expocluster")));
        Assert.Single(Journal(), row => row.Event is JobEvent.StagingCreated { Generation: 1 });
        Assert.Equal(JobPhase.Done, State().Phase);
        if (changedAt is { } offset)
        {
            // What nobody computed again is wrong in this byte, and in no other.
            Flip(Path.Join(place.Output, Model), offset);
        }

        string expected = place.PathOf("expected");
        RunResult embedded = ExpoProcess.Run("merge", "--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3", "--out", expected, "--json");
        Assert.True(embedded.ExitCode == 0, embedded.ToString());
        Assert.Equal(Workplace.Digests(expected), Workplace.Digests(place.Output));
    }

    private async Task UntilAsync(Func<bool> holds)
    {
        for (var clock = Stopwatch.StartNew(); !holds(); await Task.Delay(50))
        {
            Assert.True(clock.Elapsed < Patience, nodes.Logs);
        }
    }
}
