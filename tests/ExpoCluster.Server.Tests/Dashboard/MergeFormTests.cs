using System.Text.Json;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Server.Dashboard;
using ExpoCluster.Server.Jobs;

namespace ExpoCluster.Server.Tests.Dashboard;

public sealed class MergeFormTests
{
    [Theory]
    [InlineData("0.3", """{"alpha":0.3}""")]
    [InlineData("0.1, 0.3", """{"sweep":[0.1,0.3]}""")]
    [InlineData("much", """{"alpha":"much"}""")]
    public void Alpha_is_a_number_or_several(string text, string body) =>
        Assert.Equal(body, JsonSerializer.Serialize(new MergeForm { Alpha = text, Name = "  " }.ToRequest()));

    [Fact]
    public void A_recipe_fills_the_form()
    {
        MergeForm form = MergeForm.From("zephyr-7b-beta");

        JobRequest request = JobRequest.Read(form.ToRequest(), (_, path) => path, needsOutput: true);

        Assert.Equal("hf:HuggingFaceH4/zephyr-7b-beta", request.Recipe.Aligned);
    }

    [Fact]
    public void What_is_wrong_stands_at_its_field()
    {
        var form = new MergeForm { Base = "base", Alpha = "much" };
        var refusal = Assert.Throws<UsageException>(() => JobRequest.Read(form.ToRequest(), (_, path) => path, needsOutput: true));

        FormProblems problems = FormProblems.Of(refusal, form);

        Assert.StartsWith("EXPO2", problems.At("alpha"), StringComparison.Ordinal);
        Assert.NotNull(problems.At("aligned"));
        Assert.Null(problems.At("base"));
        Assert.Empty(problems.Others);
    }
}
