using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.SideFiles;

namespace ExpoCluster.Core.Tests.Recipes;

public sealed class StrictRecipeTests
{
    [Fact]
    public void A_strict_recipe_is_read_back_and_others_are_written_as_before()
    {
        var recipe = new Recipe { Base = "a", Aligned = "b", Alpha = 0.3 };

        Assert.DoesNotContain("strict", recipe.ToCanonicalJson(), StringComparison.Ordinal);
        Assert.True(Recipe.FromCanonicalJson((recipe with { Strict = true }).ToCanonicalJson()).Strict);
    }

    [Fact]
    public void What_is_published_does_not_tell_whether_a_merge_was_strict() =>
        Assert.DoesNotContain("strict", ModelName.PublicForm(new Recipe { Base = "a", Aligned = "b", Alpha = 0.3, Strict = true }).ToCanonicalJson(), StringComparison.Ordinal);
}
