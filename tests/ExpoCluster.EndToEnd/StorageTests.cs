namespace ExpoCluster.EndToEnd;

/// <summary>Output on a small file system of its own.</summary>
public sealed class StorageTests
{
    [FactNeeding(Needs.Root, "mount")]
    public void A_disk_that_is_too_small_is_known_before_anything_is_computed()
    {
        using var place = new Workplace("40MB");
        using var disk = new SmallDisk(place.PathOf("disk"), "24m");

        RunResult merge = MergeOnto(place, disk);

        Assert.Equal(4, merge.ExitCode);
        Assert.Contains("EXPO4001", merge.Errors, StringComparison.Ordinal);
        Assert.Equal("failed", merge.Json.GetProperty("status").GetString());
        Assert.Equal(0, merge.Json.GetProperty("bytesWritten").GetInt64());
        Assert.Empty(Directory.EnumerateFileSystemEntries(disk.Path));
        RunResult plan = ExpoProcess.Run(
            "plan", "--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3", "--out", Path.Join(disk.Path, "out"), "--json");
        Assert.Equal((4, "EXPO4001"), (plan.ExitCode, plan.Json.GetProperty("code").GetString()));
    }

    [FactNeeding(Needs.Root, "mount")]
    public void A_disk_that_fills_while_the_merge_runs_stops_it_resumably()
    {
        using var place = new Workplace("80MB");
        using var disk = new SmallDisk(place.PathOf("disk"), "120m");
        using ExpoProcess process = ExpoProcess.Start(Arguments(place, disk, "--max-rate", "25MB"));
        while (!process.Errors.Contains("running", StringComparison.Ordinal))
        {
            Thread.Sleep(20);
        }

        string filler = Path.Join(disk.Path, "filler");
        Fill(filler);
        RunResult stopped = process.Wait();

        Assert.True(stopped.ExitCode == 4, stopped.ToString());
        Assert.Contains("EXPO4001", stopped.Errors, StringComparison.Ordinal);
        Assert.Equal("suspended", stopped.Json.GetProperty("status").GetString());
        Assert.Equal([".expocluster"], Directory.EnumerateFileSystemEntries(Path.Join(disk.Path, "out")).Select(Path.GetFileName));

        File.Delete(filler);
        RunResult resumed = MergeOnto(place, disk);
        Assert.True(resumed.ExitCode == 0, resumed.ToString());
        Assert.Equal(0, ExpoProcess.Run("verify", Path.Join(disk.Path, "out")).ExitCode);
    }

    [Fact]
    public void An_output_that_cannot_be_written_is_a_storage_error()
    {
        using var place = new Workplace("4MB");
        File.WriteAllText(place.PathOf("file"), "");

        RunResult merge = ExpoProcess.Run(
            "merge", "--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3", "--out", Path.Join(place.PathOf("file"), "out"));

        Assert.Equal(4, merge.ExitCode);
        Assert.Contains("EXPO4020", merge.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", merge.Errors, StringComparison.Ordinal);
    }

    private static RunResult MergeOnto(Workplace place, SmallDisk disk) => ExpoProcess.Run(Arguments(place, disk));

    private static string[] Arguments(Workplace place, SmallDisk disk, params string[] more) =>
    [
        "merge", "--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3", "--out", Path.Join(disk.Path, "out"), "--json", .. more,
    ];

    private static void Fill(string path)
    {
        using FileStream stream = File.Create(path, bufferSize: 0);
        byte[] block = new byte[4096];
        try
        {
            while (true)
            {
                stream.Write(block);
            }
        }
        catch (IOException)
        {
            // It is full now.
        }
    }
}
