using System.Collections.Immutable;

namespace ExpoCluster.Core.Recipes;

/// <summary>A recipe, or everything that stands in its way.</summary>
/// <param name="Recipe">Null if and only if there are problems.</param>
/// <param name="Problems">In the order of the recipe's keys.</param>
public sealed record RecipeValidation(Recipe? Recipe, ImmutableArray<RecipeProblem> Problems);
