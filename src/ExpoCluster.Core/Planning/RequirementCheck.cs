using System.Globalization;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Checkpoints.Tokenizers;
using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Planning;

/// <summary>Whether two checkpoints are what a recipe requires.</summary>
internal static class RequirementCheck
{
    private static readonly string[] LayerKeys = ["num_hidden_layers", "n_layer", "n_layers", "num_layers"];

    /// <exception cref="PlanningException">With every requirement that is not met.</exception>
    public static void Check(RecipeRequirements requirements, Checkpoint baseCheckpoint, Checkpoint aligned)
    {
        (string Side, Checkpoint Checkpoint)[] sides = [("base", baseCheckpoint), ("aligned", aligned)];
        List<PlanProblem> problems = [];
        if (requirements.Layers is { } layers)
        {
            problems.AddRange(sides.Where(side => LayersOf(side.Checkpoint) != layers).Select(side => Problem(
                string.Create(CultureInfo.InvariantCulture, $"the recipe is for models of {layers} layers, but {side.Side} has {LayersOf(side.Checkpoint)}"),
                "take models of that many layers. Of mergekit's files, slices must hold all layers of both models: give models in their place.")));
        }

        // Of models without any tokenizer there is none to differ.
        bool haveTokenizers = sides.Any(side => TokenizerDifference.Vocabularies.Any(side.Checkpoint.Folder.Has));
        if (requirements.IsTokenizerShared && haveTokenizers && TokenizerProblem(sides) is { } tokenizer)
        {
            problems.Add(Problem(
                $"the recipe is for models of one tokenizer, with a row for each token and no other, but {tokenizer}",
                "leave tokenizer_source, tokenizer or require out of the recipe: rows are then joined by position."));
        }

        if (requirements.IsChatTemplateShared && !IsTemplateAligneds(baseCheckpoint.Folder, aligned.Folder))
        {
            problems.Add(Problem(
                "the recipe is for models of one chat template, but base has another one than aligned",
                "leave chat_template or require out of the recipe: the output then has aligned's."));
        }

        if (problems.Count > 0)
        {
            throw new PlanningException([.. problems]);
        }
    }

    private static PlanProblem Problem(string what, string advice) => new(PlanningException.RequirementNotMet, "", what + ".") { Advice = advice };

    private static long LayersOf(Checkpoint checkpoint) =>
        ConfigFacts.LanguageModels.Select(model => model + ".").Append("").SelectMany(_ => LayerKeys, (place, key) => checkpoint.Nature.Config.Number(place + key)).FirstOrDefault(number => number is not null)
        ?? new LayerDepths(checkpoint.Tensors.Keys).Layers;

    private static string? TokenizerProblem((string Side, Checkpoint Checkpoint)[] sides)
    {
        Dictionary<long, string>?[] tokens = [.. sides.Select(side => TokenizerFiles.TokensByIdOf(side.Checkpoint.Folder))];
        if (Array.IndexOf(tokens, null) is >= 0 and int missing)
        {
            return $"{sides[missing].Side} has no {TokenizerFiles.Json} that can be read";
        }

        if (tokens[0]!.Count != tokens[1]!.Count || tokens[0]!.Any(token => tokens[1]!.GetValueOrDefault(token.Key) != token.Value))
        {
            return "the two have other tokens";
        }

        long count = tokens[0]!.Count;
        bool hasGaps = tokens[0]!.Keys.Max() != count - 1;
        return sides.SelectMany(side => RowsOf(side.Checkpoint), (side, tensor) => (side.Side, Tensor: tensor))
            .Where(row => row.Tensor.Shape[0] != count || hasGaps)
            .Select(row => string.Create(CultureInfo.InvariantCulture, $"'{Printable.Of(row.Tensor.Name)}' of {row.Side} has {row.Tensor.Shape[0]} rows for {count} tokens"))
            .FirstOrDefault();
    }

    private static IEnumerable<CheckpointTensor> RowsOf(Checkpoint checkpoint) =>
        checkpoint.Nature.Heads.Embeddings.Concat(checkpoint.Nature.Heads.Heads).Select(name => checkpoint.Tensors[name]).Where(tensor => tensor.Shape.Length == 2);

    // What only aligned has is the only one.
    private static bool IsTemplateAligneds(CheckpointFolder ofBase, CheckpointFolder ofAligned) =>
        TokenizerFiles.ChatTemplateOf(ofBase) is not { } other || TokenizerFiles.ChatTemplateOf(ofAligned) == other;
}
