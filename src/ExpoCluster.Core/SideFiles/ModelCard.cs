using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Core.SideFiles;

/// <summary>What a model card says.</summary>
/// <param name="Recipe">The recipe that was run.</param>
/// <param name="OutputDtypes">The dtypes of the written tensors in words, for example <c>BF16</c>.</param>
/// <param name="Version">The version of ExpoCluster that wrote the model.</param>
public sealed record ModelCardFacts(Recipe Recipe, string OutputDtypes, string Version);

/// <summary>The <c>README.md</c> of a merged model, in the form that the Hub reads.</summary>
public static class ModelCard
{
    public static string Render(ModelCardFacts facts) => throw new NotImplementedException();
}
