using System.Globalization;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Core.SideFiles;

/// <summary>What a model card says.</summary>
/// <param name="Recipe">The recipe that was run.</param>
/// <param name="OutputDtypes">The dtypes of the written tensors in words, for example <c>BF16</c>.</param>
/// <param name="Version">The version of ExpoCluster that wrote the model.</param>
public sealed record ModelCardFacts(Recipe Recipe, string OutputDtypes, string Version);

/// <summary>The <c>README.md</c> of a merged model, in the form that the Hub reads.</summary>
public static class ModelCard
{
    public static string Render(ModelCardFacts facts)
    {
        Recipe recipe = facts.Recipe;
        string aligned = PublicName(recipe.Aligned);
        string baseName = PublicName(recipe.Base);
        string alpha = recipe.Alpha.ToString("R", CultureInfo.InvariantCulture);
        string numerics = recipe.Numerics == Numerics.Exact ? "exact" : "official";
        return $"""
            ---
            base_model:
            - {aligned}
            - {baseName}
            base_model_relation: merge
            library_name: transformers
            tags:
            - expo
            - merge
            - expocluster
            ---

            # {recipe.Name ?? aligned + "-expo"}

            This model was made without training by ExPO (model extrapolation, [arXiv 2404.16792](https://arxiv.org/abs/2404.16792)):
            the weights of {aligned} were moved on in the direction in which preference training had moved them away from {baseName}.

            ```
            merged = aligned + alpha * (aligned - base)
            ```

            | | |
            |---|---|
            | aligned | {aligned} |
            | base | {baseName} |
            | alpha | {alpha} |
            | numerics | {numerics} |
            | dtype | {facts.OutputDtypes} |

            Configuration, tokenizer and licence are those of {aligned}; its terms apply.

            ## Make it again

            ```yaml
            method: {recipe.Method}
            base: {baseName}
            aligned: {aligned}
            alpha: {alpha}
            numerics: {numerics}
            ```

            Made with ExpoCluster {facts.Version}. `expocluster.json` records the inputs and the digest of every block;
            `expocluster verify` checks them.

            """.ReplaceLineEndings("\n");
    }

    // A local path says nothing to others and may say too much.
    private static string PublicName(string reference)
    {
        const string hub = "hf:";
        return reference.StartsWith(hub, StringComparison.Ordinal)
            ? reference[hub.Length..].Split('@')[0]
            : Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(reference)));
    }
}
