namespace ExpoCluster.Core.Recipes;

/// <summary>A recipe as it was written: every value still text that remembers where it came from.</summary>
public sealed record RecipeDraft
{
    /// <summary>Reads a recipe file. Whatever is wrong with it becomes a problem of <see cref="Validate"/>; nothing is thrown.</summary>
    public static RecipeDraft FromYaml(string text, string fileName) => throw new NotImplementedException();

    /// <summary>What the command line says; null for an option that was not given.</summary>
    public static RecipeDraft FromOptions(
        string? name = null,
        string? @base = null,
        string? aligned = null,
        string? alpha = null,
        string? numerics = null,
        string? dtype = null,
        string? maxShardSize = null,
        string? onMismatch = null,
        string? output = null) => throw new NotImplementedException();

    /// <summary>This draft with every value that <paramref name="options"/> has in its place.</summary>
    public RecipeDraft OverriddenBy(RecipeDraft options) => throw new NotImplementedException();

    /// <summary>Checks everything and reports all problems at once.</summary>
    public RecipeValidation Validate() => throw new NotImplementedException();
}
