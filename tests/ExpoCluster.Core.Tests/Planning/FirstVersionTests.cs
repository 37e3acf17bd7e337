using System.Text;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Core.Tests.Planning;

/// <summary>Plans and records that version 0.1 wrote: they are read for ever, and today's recipes still give the same plans.</summary>
public sealed class FirstVersionTests : IDisposable
{
    // Where the merges were run.
    private const string Place = "/tmp/golden1";

    private static readonly DateTime Modified = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000).UtcDateTime;

    private readonly TemporaryDirectory place = new();

    public static TheoryData<string> Merges => new("plain", "sweep", "stochastic", "rows", "depth");

    public void Dispose() => place.Dispose();

    [Theory]
    [MemberData(nameof(Merges))]
    public void A_plan_is_read_and_would_be_written_again_byte_for_byte(string merge)
    {
        byte[] stored = File.ReadAllBytes(Fixture(merge + ".plan.json"));

        Plan read = PlanJson.Read(stored);

        Assert.Equal(stored, read.CanonicalJson.ToArray());
        Assert.Equal(Encoding.UTF8.GetString(stored), Encoding.UTF8.GetString(PlanJson.Write(read).Span));
    }

    [Theory]
    [MemberData(nameof(Merges))]
    public void The_same_recipe_over_the_same_files_gives_the_same_plan(string merge)
    {
        foreach (string directory in new[] { "sft", "dpo", "dpo-more" })
        {
            Copy(directory);
        }

        Plan plan = Planner.Plan(RecipeOf(merge)).Plan;

        string here = Encoding.UTF8.GetString(plan.CanonicalJson.Span).Replace(place.Path + "/", Place + "/", StringComparison.Ordinal);
        Assert.Equal(File.ReadAllText(Fixture(merge + ".plan.json")), here);
    }

    [Theory]
    [MemberData(nameof(Merges))]
    public void A_record_is_read_and_names_its_plan(string merge)
    {
        string folder = place.PathOf(merge);
        Directory.CreateDirectory(folder);
        File.Copy(Fixture(merge + ".record.json"), Path.Join(folder, "expocluster.json"));
        Plan plan = PlanJson.Read(File.ReadAllBytes(Fixture(merge + ".plan.json")));

        Provenance record = Provenance.ReadFrom(new OutputPaths(folder))!;

        Assert.Equal((plan.Digest, plan.NumericsVersion), (record.PlanDigest, record.NumericsVersion));
        Assert.Equal(plan.Layout.Select(file => (file.BaseName, file.ByteLength)), record.Files.Select(file => (file.Name, file.Bytes)));
        Assert.Equal("expo", record.Recipe["method"]!.GetValue<string>());
    }

    private static string Fixture(string name) => Path.Join(AppContext.BaseDirectory, "Fixtures", "version-0.1", name);

    private void Copy(string directory)
    {
        Directory.CreateDirectory(place.PathOf(directory));
        foreach (string file in Directory.EnumerateFiles(Fixture(directory)))
        {
            string copy = Path.Join(place.PathOf(directory), Path.GetFileName(file));
            File.Copy(file, copy);
            File.SetLastWriteTimeUtc(copy, Modified);
        }
    }

    private Recipe RecipeOf(string merge)
    {
        var recipe = new Recipe { Base = place.PathOf("sft"), Aligned = place.PathOf(merge == "rows" ? "dpo-more" : "dpo"), Alpha = 0.3 };
        return merge switch
        {
            "sweep" => recipe with { Sweep = [0.1, 0.3] },
            "stochastic" => recipe with { Numerics = Numerics.Stochastic, Seed = 7, OutputDtype = Dtype.BF16 },
            "rows" => recipe with { OnMismatch = MismatchPolicy.ExtrapolateCommonRows, OutputDtype = Dtype.F32 },
            "depth" => recipe with { Alpha = new AlphaRule.ByDepth([0.1, 0.5]), MaxShardBytes = 1000 },
            _ => recipe,
        };
    }
}
