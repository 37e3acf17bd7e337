using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Verification;

namespace ExpoCluster.Core.Tests.Verification;

/// <summary>A record vouches for the weights that are there: all of them, each once, and for nothing else.</summary>
public sealed class DeceptiveRecordTests : IDisposable
{
    private readonly OutputScene scene = new();

    public void Dispose() => scene.Dispose();

    [Fact]
    public void What_is_proved_is_counted_and_what_is_not_is_named()
    {
        scene.WriteFile("modeling_evil.py", "1");
        scene.WriteFile("notes.md", "mine");

        Core.Verification.Verification result = scene.Verify();

        Assert.True(result.IsSound);
        Assert.Equal(scene.Record.Files.Sum(file => file.Bytes), result.ProvedBytes);
        Assert.Equal(["config.json"], result.Unproved.AsEnumerable());
        Assert.Equal(["modeling_evil.py"], result.Unrecorded.AsEnumerable());
    }

    [Fact]
    public void Bytes_of_a_damaged_file_are_not_proved()
    {
        File.WriteAllBytes(scene.PathOf(OutputScene.First), new byte[100]);

        Core.Verification.Verification result = scene.Verify();

        Assert.False(result.IsSound);
        Assert.Equal(scene.Record.Files[1].Bytes, result.ProvedBytes);
    }

    [Fact]
    public void A_record_that_names_no_weights_is_none()
    {
        scene.Write(scene.Record with { Files = [] });

        Assert.Contains("names no weights file", Refusal().Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_second_list_of_files_does_not_take_the_place_of_the_first()
    {
        scene.Write(scene.RecordText.TrimEnd().TrimEnd('}') + ", \"files\": []}");

        Assert.Equal("EXPO1301", Assert.Throws<ProvenanceException>(scene.Verify).Code);
    }

    [Theory]
    [InlineData("../secret")]
    [InlineData("/etc/hostname")]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("")]
    [InlineData("down/model.safetensors")]
    [InlineData("a\0b")]
    public void Weights_outside_of_the_directory_are_never_opened(string name)
    {
        scene.Write(scene.Record with { Files = [scene.Record.Files[0], scene.Record.Files[1] with { Name = name }] });

        Assert.Contains("out of its directory", Refusal().Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../config.json")]
    [InlineData("a/../../b")]
    [InlineData("a/b/c/d/e")]
    [InlineData("/etc/passwd")]
    public void Published_names_stay_in_the_directory(string name)
    {
        scene.Write(scene.Record with { Published = scene.Record.Published.Add(name) });

        Assert.Contains("out of its directory", Refusal().Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_named_two_thousand_times_is_refused_before_it_is_read()
    {
        scene.Write(scene.Record with { Files = [.. Enumerable.Repeat(scene.Record.Files[0], 2000)] });

        Assert.Contains($"1 file is named several times ({OutputScene.First})", Refusal().Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("extra.safetensors")]
    [InlineData("pytorch_model.bin")]
    [InlineData("pytorch_model.bin.index.json")]
    [InlineData("model.safetensors")]
    public void Weights_that_a_loader_may_take_instead_are_damage(string name)
    {
        scene.WriteWeights(name);

        Assert.Equal(name, Assert.Single(scene.Verify().Damage).File);
    }

    [Fact]
    public void A_name_among_the_published_ones_makes_no_weights_of_the_merge_s()
    {
        scene.WriteWeights("extra.safetensors");
        scene.Write(scene.Record with { Published = scene.Record.Published.Add("extra.safetensors") });

        Assert.Equal("extra.safetensors", Assert.Single(scene.Verify().Damage).File);
    }

    [Fact]
    public void A_record_that_leaves_weights_out_is_contradicted_by_the_directory_and_by_the_index()
    {
        scene.Write(scene.Record with { Files = [scene.Record.Files[0]] });

        Assert.Equal([OutputScene.Second, OutputScene.Index], scene.Verify().Damage.Select(damage => damage.File));
    }

    [Fact]
    public void An_index_that_leads_elsewhere_is_damage()
    {
        scene.WriteIndex(("a", OutputScene.Second), ("b", OutputScene.First));

        Damage damage = Assert.Single(scene.Verify().Damage);

        Assert.Equal(OutputScene.Index, damage.File);
        Assert.Contains("a, b", damage.Found, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[")]
    [InlineData("""{"weight_map": {"a": "../x"}}""")]
    public void An_index_that_is_none_is_damage(string content)
    {
        scene.WriteFile(OutputScene.Index, content);

        Assert.Equal(OutputScene.Index, Assert.Single(scene.Verify().Damage).File);
    }

    [Fact]
    public void An_index_that_is_gone_and_was_struck_from_the_record_is_missed()
    {
        File.Delete(scene.PathOf(OutputScene.Index));
        scene.Write(scene.Record with { Published = [OutputScene.First, OutputScene.Second] });

        Assert.Equal((OutputScene.Index, "the file is missing"), Assert.Single(scene.Verify().Damage) is var damage ? (damage.File, damage.Problem) : default);
    }

    [Fact]
    public void A_sweep_s_output_that_has_lost_its_record_is_missed()
    {
        using var sweep = new TemporaryDirectory();
        foreach (string folder in new[] { "alpha-0.1", "alpha-0.3" })
        {
            string target = Directory.CreateDirectory(Path.Join(sweep.Path, folder)).FullName;
            foreach (string file in Directory.EnumerateFiles(scene.Root))
            {
                File.Copy(file, Path.Join(target, Path.GetFileName(file)));
            }
        }

        Assert.Equal(2 * scene.Record.Files.Sum(file => file.Bytes), OutputVerifier.Verify(sweep.Path, wholeFileSha256: false).ProvedBytes);
        File.Delete(Path.Join(sweep.Path, "alpha-0.3", "expocluster.json"));

        Assert.Equal("alpha-0.3/expocluster.json", Assert.Single(OutputVerifier.Verify(sweep.Path, wholeFileSha256: false).Damage).File);
    }

    private ProvenanceException Refusal()
    {
        ProvenanceException refusal = Assert.Throws<ProvenanceException>(scene.Verify);
        Assert.Equal("EXPO1303", refusal.Code);
        return refusal;
    }
}
