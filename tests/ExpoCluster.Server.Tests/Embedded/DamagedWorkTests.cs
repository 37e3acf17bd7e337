using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Storage;
using ExpoCluster.Core.Tests;
using ExpoCluster.Core.Verification;
using ExpoCluster.Server.Embedded;
using Microsoft.Data.Sqlite;

namespace ExpoCluster.Server.Tests.Embedded;

/// <summary>An interrupted merge, in whose workspace somebody or something has done damage before it is run again.</summary>
public sealed class DamagedWorkTests : IClassFixture<InterruptedWork>
{
    private static readonly EmbeddedMergeOptions Options = new() { Lanes = 2, Version = "test" };

    private readonly InterruptedWork work;
    private readonly SmallPair pair;
    private readonly List<string> notices = [];

    public DamagedWorkTests(InterruptedWork work)
    {
        this.work = work;
        pair = work.Pair;
        work.Restore();
    }

    [Theory]
    [InlineData("update journal set message = x'ffffffff' where manifest = 'j5'", "damaged")]
    [InlineData("update journal set message = x'0a0161' where manifest = 'j2'", "damaged")]
    [InlineData("update journal set manifest = 'j99' where manifest = 'j5'", "newer version")]
    [InlineData("update journal set identifier = 1 where manifest = 'j5'", "no event of a job")]
    [InlineData("update journal set manifest = 'j10', message = x'' where manifest = 'j3'", "contradicts")]
    [InlineData("delete from journal where manifest = 'j3'", "is missing")]
    [InlineData("alter table journal rename column manifest to other", "no such column")]
    public async Task An_event_that_cannot_be_replayed_is_said_with_the_journals_name_and_a_way_out(string damage, string why)
    {
        Execute(damage);

        JobException refusal = await Assert.ThrowsAsync<JobException>(() => RunAsync());

        Assert.Equal("EXPO3013", refusal.Code);
        Assert.Contains(pair.Output.Journal, refusal.Message, StringComparison.Ordinal);
        Assert.Contains(why, refusal.Message, StringComparison.Ordinal);
        Assert.Contains("--restart", refusal.Advice, StringComparison.Ordinal);
        Assert.Equal("done", (await RunAsync(Options with { Restart = true })).Status);
    }

    [Fact]
    public async Task A_page_of_garbage_and_a_file_that_is_no_database_are_said_too()
    {
        byte[] sound = File.ReadAllBytes(pair.Output.Journal);
        foreach (int page in Enumerable.Range(0, sound.Length / 4096))
        {
            byte[] damaged = [.. sound];
            new Random(page).NextBytes(damaged.AsSpan(page * 4096, 4096));
            File.WriteAllBytes(pair.Output.Journal, damaged);
            Assert.Equal("EXPO3013", (await Assert.ThrowsAsync<JobException>(() => RunAsync())).Code);
        }

        File.WriteAllText(pair.Output.Journal, "a text that somebody saved under this name, long enough to be looked at as a database");
        Assert.Equal("EXPO3013", (await Assert.ThrowsAsync<JobException>(() => RunAsync())).Code);
    }

    [Fact]
    public async Task What_sharding_would_remember_is_not_even_read()
    {
        Execute("insert into snapshot values ('/system/sharding/coordinatorsCoordinator/singleton/coordinator', 1, 1, x'deadbeef', 'x', 999)");
        Execute("insert into journal values (1000, 1, 0, '/sharding/coordinatorsShard/0', 1, x'ffff', 'CE', 13, '')");

        Assert.Equal("done", (await RunAsync()).Status);
        AssertSound();
    }

    [Theory]
    [InlineData("drop table journal")]
    [InlineData("delete from journal")]
    public async Task A_journal_that_says_nothing_lets_the_merge_begin_anew(string damage)
    {
        Execute(damage);

        Assert.Equal(("done", 0), await StatusAndReusedAsync());
        AssertSound();
    }

    [Fact]
    public async Task A_journal_that_another_program_has_locked_is_said_within_seconds()
    {
        using var other = new SqliteConnection($"Data Source={pair.Output.Journal};Pooling=False");
        other.Open();
        using SqliteCommand hold = other.CreateCommand();
        hold.CommandText = "BEGIN EXCLUSIVE";
        hold.ExecuteNonQuery();

        StorageException refusal = await Assert.ThrowsAsync<StorageException>(() => RunAsync());

        Assert.Equal("EXPO4005", refusal.Code);
        Assert.Contains("locked", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_journal_that_is_a_link_is_not_written_through()
    {
        string elsewhere = Path.Join(pair.Root, "elsewhere.db");
        File.Move(pair.Output.Journal, elsewhere);
        File.CreateSymbolicLink(pair.Output.Journal, elsewhere);

        Assert.Equal("EXPO4009", (await Assert.ThrowsAsync<StorageException>(() => RunAsync())).Code);
    }

    [Fact]
    public async Task Work_that_was_moved_to_another_directory_is_not_gone_on_with_there()
    {
        string moved = Path.Join(pair.Root, "moved");
        Directory.Move(pair.Output.Root, moved);

        JobException refusal = await Assert.ThrowsAsync<JobException>(
            () => new EmbeddedMerge(pair.Recipe with { Output = moved }, OutputPaths.Of(moved), Options).RunAsync(pair.Plan(), _ => { }, CancellationToken.None));

        Assert.Equal("EXPO3013", refusal.Code);
        Assert.Contains(pair.Output.Root, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_committed_part_that_was_changed_is_computed_again_and_the_others_are_kept()
    {
        Assert.InRange(work.Committed, 1, 3);
        Damage();

        MergeOutcome outcome = await RunAsync();

        Assert.Equal(("done", work.Committed - 1), (outcome.Status, outcome.Reused));
        Assert.Contains(notices, notice => notice.Contains("is not what was written any more", StringComparison.Ordinal));
        AssertSound();
    }

    [Fact]
    public async Task Whoever_trusts_what_is_there_has_it_as_it_is()
    {
        Damage();

        MergeOutcome outcome = await RunAsync(Options with { TrustStaging = true });

        Assert.Equal(("done", work.Committed), (outcome.Status, outcome.Reused));
        Assert.False(OutputVerifier.Verify(pair.Output.Root, wholeFileSha256: false).IsSound);
    }

    [Fact]
    public async Task An_output_whose_path_is_too_long_for_the_journal_is_refused_before_anything_is_made()
    {
        string root = Path.Join(pair.Root, "long", new string('x', 200), new string('y', 200), new string('z', 100));
        var merge = new EmbeddedMerge(pair.Recipe with { Output = root }, new OutputPaths(root), Options);

        StorageException refusal = await Assert.ThrowsAsync<StorageException>(() => merge.RunAsync(pair.Plan(), _ => { }, CancellationToken.None));

        Assert.Equal("EXPO4008", refusal.Code);
        Assert.False(Directory.Exists(Path.Join(pair.Root, "long")));
    }

    private Task<MergeOutcome> RunAsync(EmbeddedMergeOptions? options = null) =>
        new EmbeddedMerge(pair.Recipe, pair.Output, (options ?? Options) with { Notice = notices.Add })
            .RunAsync(pair.Plan(), _ => { }, CancellationToken.None);

    private async Task<(string Status, int Reused)> StatusAndReusedAsync()
    {
        MergeOutcome outcome = await RunAsync();
        return (outcome.Status, outcome.Reused);
    }

    // The first part of the first file is the first to be committed; in its second block, for first and last are read back at sealing anyway.
    private void Damage()
    {
        string path = pair.Output.StagingFile(work.Job, 1, "model-00001-of-00002.safetensors");
        using FileStream staging = File.OpenWrite(path);
        staging.Position = 5 << 20;
        staging.Write(new byte[1 << 20]);
    }

    private void Execute(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={pair.Output.Journal};Pooling=False");
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private void AssertSound() => Assert.True(OutputVerifier.Verify(pair.Output.Root, wholeFileSha256: false).IsSound);
}
