using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Data.Sqlite;

namespace ExpoCluster.EndToEnd;

/// <summary>Jobs that a build of version 0.1 was killed in go on under this one, with what was committed then.</summary>
/// <remarks>
/// The journals are in Fixtures/journals, with one of three parts committed. They name files by absolute paths, so the pair is laid where it lay then.
/// The bytes of the committed part are taken from a merge that this build makes: that they are those of then, <c>verify</c> finds by the journal's digests.
/// </remarks>
public sealed class UpgradeTests : IDisposable
{
    private const string Place = "/tmp/expocluster-yesterday";
    private const string Expected = Place + "/expected";
    private const string Output = Place + "/out";
    private const int PartBytes = 32 << 20;

    // Another run of these tests on this machine would lay the same files.
    private readonly FileStream alone = WaitForLock();
    private readonly string server = $"http://127.0.0.1:{PostgresServer.FreePort()}";

    public UpgradeTests()
    {
        Remove();
        WriteCheckpoint("base", step: 7);
        WriteCheckpoint("aligned", step: 11);
        RunResult merge = ExpoProcess.Run("merge", "--base", Place + "/base", "--aligned", Place + "/aligned", "--alpha", "0.3", "--out", Expected, "--quiet");
        Assert.True(merge.ExitCode == 0, merge.ToString());
    }

    public void Dispose()
    {
        SqliteConnection.ClearAllPools();
        Remove();
        alone.Dispose();
    }

    [LongFact]
    public void The_same_command_goes_on_with_an_embedded_merge()
    {
        Lay("embedded", "5dmfo3g7e5");

        RunResult merge = ExpoProcess.Run("merge", "--base", Place + "/base", "--aligned", Place + "/aligned", "--alpha", "0.3", "--out", Output, "--json");

        Assert.True(merge.ExitCode == 0, merge.ToString());
        AssertGoneOn(merge.Json.GetProperty("parts"));
    }

    [LongFact]
    public void A_node_with_SQLite_goes_on_by_itself()
    {
        Lay("sqlite", "interrupted");
        using ExpoProcess node = ExpoProcess.Start(
            "node", "--database", $"sqlite:{Place}/expocluster.db", "--storage-root", Place, "--port", "0", "--http", server, "--lanes", "1");

        AssertJobs(node, () => node.Errors);

        node.Signal("TERM");
        node.Wait();
        Assert.Equal("3", QuerySqlite("SELECT MAX(version) FROM expocluster_schema"));
    }

    [LongFact(Needs.Postgres)]
    public void A_cluster_with_PostgreSQL_goes_on_by_itself_and_brings_its_tables_to_this_version()
    {
        Lay("postgresql", "interrupted");
        using var database = new PostgresServer();
        database.Restore(Path.Join(Fixture("postgresql"), "journal.sql"));
        using var nodes = new NodeProcesses(database, Place);
        ExpoProcess[] started = [nodes.Start("coordinator,web", 0, "--http", server), nodes.Start("coordinator"), nodes.Start("worker")];
        NodeProcesses.WaitForMembers(started);

        AssertJobs(started[0], () => nodes.Logs);

        Assert.Equal("1\n2\n3", database.Query("select version from expocluster_schema order by 1"));
        JournalledEvent.AssertConsistent(JournalledEvent.Of("interrupted", database));
    }

    [LongFact]
    public void A_node_refuses_a_database_of_a_version_that_it_would_harm()
    {
        Lay("sqlite", "interrupted");
        QuerySqlite("CREATE TABLE expocluster_schema (version integer PRIMARY KEY, oldest_node integer NOT NULL, at_ms bigint NOT NULL); INSERT INTO expocluster_schema VALUES (99, 99, 0)");

        RunResult refused = ExpoProcess.Run("node", "--database", $"sqlite:{Place}/expocluster.db", "--storage-root", Place, "--port", "0", "--http", server);

        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("error EXPO5045: the database is of version 99", refused.Errors, StringComparison.Ordinal);
    }

    private void AssertJobs(ExpoProcess node, Func<string> logs)
    {
        NodeProcesses.WaitFor(node, "serving");
        RunResult watched = ExpoProcess.Run("jobs", "watch", "interrupted", "--server", server, "--json");
        Assert.True(watched.ExitCode == 0, watched + logs());
        JsonElement parts = watched.Json.GetProperty("parts");
        Assert.Equal((3, 3), (parts.GetProperty("total").GetInt32(), parts.GetProperty("committed").GetInt32()));
        Assert.Contains("took over with 1 of 3 parts committed", logs(), StringComparison.Ordinal);
        AssertWhole();
        JsonElement earlier = ExpoProcess.Run("jobs", "show", "finished", "--server", server, "--json").Json;
        Assert.Equal("done", earlier.GetProperty("state").GetString());
    }

    private static void AssertGoneOn(JsonElement parts)
    {
        Assert.Equal((3, 2, 1), (parts.GetProperty("total").GetInt32(), parts.GetProperty("computed").GetInt32(), parts.GetProperty("reused").GetInt32()));
        AssertWhole();
    }

    private static void AssertWhole()
    {
        Assert.Equal(Sha(Expected), Sha(Output));
        RunResult verified = ExpoProcess.Run("verify", Output);
        Assert.True(verified.ExitCode == 0, verified.ToString());
    }

    private static string Sha(string directory) => Workplace.Digests(directory)["model.safetensors"];

    private static string Fixture(string name) => Path.Join(AppContext.BaseDirectory, "Fixtures", "journals", name);

    // The journal, the plan, and the staging file with the bytes of the one part that is committed.
    private static void Lay(string fixture, string job)
    {
        string from = Fixture(fixture);
        foreach (string file in Directory.EnumerateFiles(from, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.None }))
        {
            string to = Path.Join(Place, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(file, to);
        }

        string staging = Path.Join(Output, ".expocluster", job + "-1", "model.safetensors");
        Directory.CreateDirectory(Path.GetDirectoryName(staging)!);
        using FileStream whole = File.OpenRead(Path.Join(Expected, "model.safetensors"));
        using FileStream staged = File.Create(staging);
        byte[] part = new byte[PartBytes];
        whole.ReadExactly(part);
        staged.Write(part);
        staged.SetLength(whole.Length);
    }

    private static void WriteCheckpoint(string name, int step)
    {
        const int Elements = 37_748_736;
        string directory = Path.Join(Place, name);
        Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Join(directory, "config.json"), "{\"architectures\":[\"LlamaForCausalLM\"],\"torch_dtype\":\"bfloat16\"}\n");
        string header = string.Create(CultureInfo.InvariantCulture, $"{{\"weight\":{{\"dtype\":\"BF16\",\"shape\":[{Elements}],\"data_offsets\":[0,{2 * Elements}]}}}}");
        header = header.PadRight((header.Length + 7) / 8 * 8);
        byte[] block = new byte[256];
        for (int index = 0; index < 128; index++)
        {
            BitConverter.TryWriteBytes(block.AsSpan(2 * index), (ushort)(0x3F00 + (index * step & 0x7F)));
        }

        using (FileStream file = File.Create(Path.Join(directory, "model.safetensors"), 1 << 20))
        {
            file.Write(BitConverter.GetBytes((long)header.Length));
            file.Write(Encoding.ASCII.GetBytes(header));
            for (int count = 0; count < Elements / 128; count++)
            {
                file.Write(block);
            }
        }

        Array.ForEach(Directory.GetFiles(directory), file => File.SetLastWriteTimeUtc(file, DateTime.UnixEpoch.AddSeconds(1_764_072_000)));
    }

    private static string QuerySqlite(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Place}/expocluster.db");
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // The test's own text.
        command.CommandText = sql;
#pragma warning restore CA2100
        return Convert.ToString(command.ExecuteScalar(), CultureInfo.InvariantCulture) ?? "";
    }

    private static FileStream WaitForLock()
    {
        for (long began = TimeProvider.System.GetTimestamp(); ; Thread.Sleep(200))
        {
            try
            {
                return new FileStream(Place + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromMinutes(3))
            {
                // Somebody else is at it.
            }
        }
    }

    private static void Remove()
    {
        if (Directory.Exists(Place))
        {
            Directory.Delete(Place, recursive: true);
        }
    }
}
