namespace ExpoCluster.EndToEnd;

/// <summary>What a merge works in is moved, removed, cut or replaced while it runs.</summary>
public sealed class DisplacedWorkTests : IDisposable
{
    private readonly Workplace place = new("100MB");
    private readonly SortedDictionary<string, string> undisturbed;

    public DisplacedWorkTests()
    {
        string reference = place.PathOf("reference");
        RunResult merge = ExpoProcess.Run("merge", "--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3", "--out", reference);
        Assert.True(merge.ExitCode == 0, merge.ToString());
        undisturbed = Workplace.Digests(reference);
    }

    private string Workspace => Path.Join(place.Output, ".expocluster");

    public void Dispose() => place.Dispose();

    [Theory]
    [InlineData("workspace moved")]
    [InlineData("workspace removed")]
    [InlineData("output moved")]
    [InlineData("output replaced by a copy")]
    [InlineData("staging replaced by a copy")]
    [InlineData("staging removed")]
    public void It_ends_with_a_clear_error_and_the_same_command_finishes(string what)
    {
        using ExpoProcess process = Begin();
        Displace(what);

        RunResult ended = process.Wait();

        Assert.True(ended.ExitCode == 4, ended.ToString());
        // Whoever opens something there next, a lane or a writer, may be the first to miss it.
        string code = what.EndsWith("copy", StringComparison.Ordinal) ? "EXPO4010" : "EXPO(4002|4004|4010)";
        Assert.Matches($"error {code}:", ended.Errors);
        Finish();
    }

    [Fact]
    public void Staging_that_was_cut_under_the_lanes_is_never_published()
    {
        using ExpoProcess process = Begin();
        string staging = Staging();
        using (FileStream file = new(staging, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete))
        {
            file.SetLength(2 << 20);
        }

        // Either a lane sees that the file is too short, or the others' writes make it long again, with holes in it.
        RunResult ended = process.Wait();

        Assert.True(ended.ExitCode is 0 or 4, ended.ToString());
        Finish();
    }

    private ExpoProcess Begin()
    {
        ExpoProcess process = ExpoProcess.Start(place.Merge("--max-rate", "8MB", "--lanes", "2"));
        long start = TimeProvider.System.GetTimestamp();
        while (!process.Errors.Contains("running", StringComparison.Ordinal))
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromMinutes(1) && !process.HasExited, process.Errors);
            Thread.Sleep(20);
        }

        return process;
    }

    private string Staging() => Directory.EnumerateFiles(Workspace, "model.safetensors", SearchOption.AllDirectories).Single();

    private void Displace(string what)
    {
        string staging = Staging();
        switch (what)
        {
            case "workspace moved":
                Directory.Move(Workspace, place.PathOf("moved"));
                break;
            case "workspace removed":
                Directory.Delete(Workspace, recursive: true);
                break;
            case "output moved":
                Directory.Move(place.Output, place.PathOf("moved"));
                break;
            case "output replaced by a copy":
                using (var copy = System.Diagnostics.Process.Start("cp", ["-a", place.Output, place.PathOf("copy")]))
                {
                    copy.WaitForExit();
                }

                Directory.Move(place.Output, place.PathOf("moved"));
                Directory.Move(place.PathOf("copy"), place.Output);
                break;
            case "staging replaced by a copy":
                File.Copy(staging, place.PathOf("copy"));
                File.Move(place.PathOf("copy"), staging, overwrite: true);
                break;
            case "staging removed":
                File.Delete(staging);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(what));
        }
    }

    private void Finish()
    {
        RunResult finished = ExpoProcess.Run(place.Merge());
        Assert.True(finished.ExitCode == 0, finished.ToString());
        Assert.Equal(undisturbed, Workplace.Digests(place.Output));
    }
}
