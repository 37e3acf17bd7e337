using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Tests.Parts;

/// <summary>Inputs that change although their length and modification time stay what the plan says.</summary>
public sealed class SeenInputsTests : IDisposable
{
    private readonly SmallPair pair = new(("model.safetensors", "w", 1000));
    private readonly PlannedMerge merge;

    public SeenInputsTests() => merge = pair.Plan();

    private string Aligned => Path.Join(pair.Aligned, "model.safetensors");

    private string Other => Path.Join(pair.Root, "other");

    public void Dispose() => pair.Dispose();

    [Fact]
    public void A_file_that_nobody_touched_is_unchanged_however_often_it_is_read()
    {
        using var inputs = new InputFiles(merge.Plan, seen: SeenInputs.Of(merge));

        inputs.CheckUnchanged(0);
        Assert.Equal(100, inputs.Read(0, 0, new byte[100], 100, ReadMode.Positioned, "w").Length);
        Assert.Equal(100, inputs.Read(0, 0, [], 100, ReadMode.Mapped, "w").Length);
        inputs.CheckUnchanged(0);
    }

    [Fact]
    public void A_file_that_is_cut_under_its_mapping_is_noticed_before_the_next_tile_is_read_there()
    {
        using var inputs = new InputFiles(merge.Plan, seen: SeenInputs.Of(merge));
        Assert.Equal(100, inputs.Read(0, 0, [], 100, ReadMode.Mapped, "w").Length);

        using (var file = new FileStream(Aligned, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            file.SetLength(10);
        }

        // The clock ticks.
        Thread.Sleep(50);
        TensorFileException exception = Assert.Throws<TensorFileException>(() => inputs.Read(0, 0, [], 100, ReadMode.Mapped, "w").Length);
        Assert.Equal("EXPO1207", exception.Code);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_file_rewritten_in_place_with_its_time_put_back_is_noticed(bool sinceItWasPlanned)
    {
        using var inputs = new InputFiles(merge.Plan, seen: sinceItWasPlanned ? SeenInputs.Of(merge) : null);
        if (!sinceItWasPlanned)
        {
            inputs.CheckUnchanged(0);
        }

        Rewrite();

        AssertNoticed(inputs, "rewritten in place");
    }

    [Fact]
    public void Another_file_in_its_place_with_its_length_and_time_is_noticed()
    {
        using var inputs = new InputFiles(merge.Plan, seen: SeenInputs.Of(merge));
        Replace();

        AssertNoticed(inputs, "another file has taken its place");
    }

    [Theory]
    [InlineData(ReadMode.Positioned)]
    [InlineData(ReadMode.Mapped)]
    public void A_file_that_is_swapped_behind_the_check_is_noticed_when_it_is_opened(ReadMode mode)
    {
        using var inputs = new InputFiles(merge.Plan, seen: SeenInputs.Of(merge));
        inputs.CheckUnchanged(0);

        Replace();

        Assert.Equal("EXPO1207", Assert.Throws<TensorFileException>(() => { inputs.Read(0, 0, new byte[10], 10, mode, "w"); }).Code);
    }

    [Fact]
    public void Another_process_looks_with_eyes_of_its_own()
    {
        Rewrite();

        // A copy that was put back between two runs has other times of change too.
        using var inputs = new InputFiles(merge.Plan);

        inputs.CheckUnchanged(0);
    }

    [Fact]
    public void Nothing_of_it_is_in_the_plan()
    {
        string before = merge.Plan.Digest;

        Rewrite();

        Assert.NotEqual(FileIdentity.Of(Aligned), merge.Aligned.Shards[0].Identity);
        Assert.Equal(before, pair.Plan().Plan.Digest);
    }

    [Fact]
    public void A_part_whose_input_changes_while_it_is_computed_fails()
    {
        using var inputs = new InputFiles(merge.Plan, seen: SeenInputs.Of(merge));
        using var executor = new PartExecutor(rate: null);
        var lease = new WriteLease(new MeddlingClock(Rewrite), TimeSpan.FromDays(1));
        var order = new PartOrder(
            "", new Attempt(1, 1), Generation: 0, merge.Plan, PartGrid.Part(0, 0, merge.Plan.Files[0].ByteLength), [new PartTarget(0, 0, "")], inputs, ReadMode.Positioned, lease);

        Assert.Equal("EXPO1207", Assert.Throws<TensorFileException>(() => executor.Execute(order, [])).Code);
    }

    private void AssertNoticed(InputFiles inputs, string word)
    {
        TensorFileException noticed = Assert.Throws<TensorFileException>(() => inputs.CheckUnchanged(0));

        Assert.Equal("EXPO1207", noticed.Code);
        Assert.Contains(Aligned, noticed.Message, StringComparison.Ordinal);
        Assert.Contains(word, noticed.Message, StringComparison.Ordinal);
        Assert.Contains("--restart", noticed.Advice, StringComparison.Ordinal);
    }

    private void Replace()
    {
        File.Copy(Aligned, Other);
        Touch(Aligned, Other);
        File.Move(Other, Aligned, overwrite: true);
    }

    private void Rewrite()
    {
        // To the nanosecond, which .NET's own times do not keep.
        File.WriteAllBytes(Other, []);
        Touch(Aligned, Other);
        using (FileStream file = new(Aligned, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
        {
            file.Seek(-4, SeekOrigin.End);
            file.Write([1, 2, 3, 4]);
        }

        Touch(Other, Aligned);
    }

    // A part asks for the time when it has filled its first tile; before that the lease asked once.
    private sealed class MeddlingClock(Action meddle) : TimeProvider
    {
        private int calls;

        public override long GetTimestamp()
        {
            if (++calls == 2)
            {
                meddle();
            }

            return base.GetTimestamp();
        }
    }

    private static void Touch(string reference, string path)
    {
        using var touch = System.Diagnostics.Process.Start("touch", ["-r", reference, path]);
        touch.WaitForExit();
    }
}
