using System.Collections.Immutable;
using ExpoCluster.Core.Recipes.BuiltIn;
using ExpoCluster.Core.Samples;

namespace ExpoCluster.Core.Tests.Samples;

public sealed class PublishedModelTests
{
    public static TheoryData<string> Names => [.. PublishedPair.All.Select(pair => pair.Name)];

    public static TheoryData<ModelFamily, long, int> Families => new()
    {
        { ModelFamily.Mistral7B, 7_241_732_096, 291 },
        { ModelFamily.OpenChat7B, 7_241_748_480, 291 },
        { ModelFamily.Llama3Of8B, 8_030_261_248, 291 },
        { ModelFamily.InternLM2Of1800M, 1_889_110_016, 171 },
        { ModelFamily.InternLM2Of7B, 7_737_708_544, 227 },
        { ModelFamily.InternLM2Of20B, 19_861_149_696, 339 },
        { ModelFamily.Llama2Of7B, 6_738_415_616, 291 },
        { ModelFamily.Llama2Of13B, 13_015_864_320, 363 },
        { ModelFamily.Llama2Of70B, 68_976_648_192, 723 },
    };

    [Theory]
    [MemberData(nameof(Families))]
    public void A_family_has_the_parameters_and_tensors_that_are_published(ModelFamily family, long parameters, int tensors)
    {
        ImmutableArray<SampleTensor> all = family.Tensors(hasRotaryBuffers: false);

        Assert.Equal(parameters, all.Sum(tensor => tensor.ElementCount));
        Assert.Equal(tensors, all.Length);
        Assert.Equal(tensors, all.Select(tensor => tensor.Name).Distinct().Count());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_pair_is_that_of_the_recipe_of_its_name(string name)
    {
        PublishedPair pair = PublishedPair.Find(name)!;
        BuiltInRecipe recipe = BuiltInRecipes.Named(name);

        Assert.Equal((recipe.Base, recipe.Aligned), (pair.Base.Repository, pair.Aligned.Repository));
        Assert.Equal(pair.Base.Family, pair.Aligned.Family);
    }

    [Fact]
    public void Every_recipe_has_its_pair() =>
        Assert.Equal(BuiltInRecipes.All.Select(recipe => recipe.Name), PublishedPair.All.Select(pair => pair.Name));

    [Theory]
    [InlineData("mistralai/Mistral-7B-Instruct-v0.2", "4.94 5.00 4.54")]
    [InlineData("snorkelai/Snorkel-Mistral-PairRM-DPO", "9.94 4.54")]
    [InlineData("HuggingFaceH4/zephyr-7b-beta", "1.89 1.95 1.98 1.95 1.98 1.95 1.98 0.82")]
    [InlineData("RLHFlow/LLaMA3-SFT", "4.98 5.00 4.92 1.17")]
    [InlineData("internlm/internlm2-chat-1_8b", "1.98 1.80")]
    [InlineData("allenai/tulu-2-dpo-7b", "9.98 3.50")]
    [InlineData("allenai/tulu-2-dpo-13b", "9.95 9.90 6.18")]
    public void Files_have_their_published_sizes(string repository, string gigabytes)
    {
        IEnumerable<string> sizes = Model(repository).FileByteCounts.Select(bytes =>
            (bytes / 1e9).ToString("0.00", System.Globalization.CultureInfo.InvariantCulture));

        Assert.Equal(gigabytes, string.Join(' ', sizes));
    }

    [Theory]
    [InlineData("HuggingFaceH4/mistral-7b-sft-alpha", 2)]
    [InlineData("HuggingFaceH4/zephyr-7b-alpha", 8)]
    [InlineData("HuggingFaceH4/mistral-7b-sft-beta", 2)]
    [InlineData("openchat/openchat_3.5", 2)]
    [InlineData("berkeley-nest/Starling-LM-7B-alpha", 3)]
    [InlineData("openchat/openchat-3.5-0106", 3)]
    [InlineData("Nexusflow/Starling-LM-7B-beta", 3)]
    [InlineData("RLHFlow/LLaMA3-iterative-DPO-final", 4)]
    [InlineData("internlm/internlm2-chat-1_8b-sft", 2)]
    [InlineData("internlm/internlm2-chat-7b", 8)]
    [InlineData("internlm/internlm2-chat-20b", 21)]
    [InlineData("allenai/tulu-2-7b", 2)]
    [InlineData("allenai/tulu-2-13b", 3)]
    [InlineData("allenai/tulu-2-70b", 15)]
    [InlineData("allenai/tulu-2-dpo-70b", 15)]
    public void There_are_as_many_files_as_published(string repository, int files) => Assert.Equal(files, Model(repository).FileByteCounts.Length);

    [Theory]
    [InlineData(1e-9)]
    [InlineData(0.01)]
    [InlineData(0.3)]
    [InlineData(0.999)]
    public void A_smaller_model_keeps_heads_layers_and_names(double scale)
    {
        foreach (PublishedModel model in PublishedPair.All.SelectMany(pair => new[] { pair.Base, pair.Aligned }))
        {
            ModelFamily family = model.Family.Scaled(scale);

            Assert.Equal((model.Family.Heads, model.Family.KeyValueHeads, model.Family.Layers), (family.Heads, family.KeyValueHeads, family.Layers));
            Assert.Equal(0, family.Hidden % (2 * family.Heads));
            Assert.InRange(family.Hidden, 2 * family.Heads, model.Family.Hidden);
            Assert.Equal(model.Tensors(1).Select(tensor => (tensor.Name, tensor.Dtype)), model.Tensors(scale).Select(tensor => (tensor.Name, tensor.Dtype)));
            Assert.All(model.Tensors(scale), tensor => Assert.True(tensor.ElementCount > 0));
        }
    }

    private static PublishedModel Model(string repository) =>
        PublishedPair.All.SelectMany(pair => new[] { pair.Base, pair.Aligned }).First(model => model.Repository == repository);
}
