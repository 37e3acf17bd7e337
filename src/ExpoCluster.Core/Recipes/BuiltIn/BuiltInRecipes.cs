using System.Collections.Immutable;
using ExpoCluster.Tensors.Files;

namespace ExpoCluster.Core.Recipes.BuiltIn;

/// <summary>The published ExPO models: pairs, alphas and scores from their authors' model cards and paper (arXiv 2404.16792).</summary>
public static class BuiltInRecipes
{
    private const string ExpectedOnly = "unverified: pair and alpha are expected, not published";

    public static ImmutableArray<BuiltInRecipe> All { get; } =
    [
        new("zephyr-7b-alpha", "HuggingFaceH4/zephyr-7b-alpha", "HuggingFaceH4/mistral-7b-sft-alpha", 0.3,
            new(6.7, 10.6), new(10.0, 13.6), new(6.85, 6.87), ModelLicence.Mit),
        new("zephyr-7b-beta", "HuggingFaceH4/zephyr-7b-beta", "HuggingFaceH4/mistral-7b-sft-beta", 0.1,
            new(10.2, 11.1), new(13.2, 14.0), new(7.02, 7.06), ModelLicence.Mit),
        new("starling-lm-7b-alpha", "berkeley-nest/Starling-LM-7B-alpha", "openchat/openchat_3.5", 0.2,
            new(15.0, 18.2), new(18.3, 19.5), new(7.82, 7.91), ModelLicence.Starling),
        new("starling-lm-7b-beta", "Nexusflow/Starling-LM-7B-beta", "openchat/openchat-3.5-0106", 0.5,
            new(26.6, 29.6), new(25.8, 26.4), new(8.10, 8.18), ModelLicence.Starling),
        new("snorkel-mistral-pairrm", "snorkelai/Snorkel-Mistral-PairRM-DPO", "mistralai/Mistral-7B-Instruct-v0.2", 0.3,
            new(24.7, 28.8), new(24.0, 26.4), new(7.63, 7.69), ModelLicence.Apache),
        new("llama3-iterative-dpo", "RLHFlow/LLaMA3-iterative-DPO-final", "RLHFlow/LLaMA3-SFT", 0.3,
            new(29.2, 32.7), new(36.0, 37.8), new(8.08, 8.45), ModelLicence.Llama3),
        new("internlm2-chat-1.8b", "internlm/internlm2-chat-1_8b", "internlm/internlm2-chat-1_8b-sft", 0.5,
            new(3.8, 5.2), new(4.0, 4.3), new(5.17, 5.26), ModelLicence.InternLM2),
        new("internlm2-chat-7b", "internlm/internlm2-chat-7b", "internlm/internlm2-chat-7b-sft", 0.5,
            new(20.5, 28.1), new(18.3, 22.7), new(7.72, 7.80), ModelLicence.InternLM2),
        new("internlm2-chat-20b", "internlm/internlm2-chat-20b", "internlm/internlm2-chat-20b-sft", 0.5,
            new(36.1, 46.2), new(24.9, 27.2), new(8.13, 8.26), ModelLicence.InternLM2),
        new("tulu-2-dpo-7b", "allenai/tulu-2-dpo-7b", "allenai/tulu-2-7b", 0.5,
            new(8.5, 11.5), new(10.2, 11.7), new(6.35, 6.38), ModelLicence.ImpactLowRisk) { Unverified = ExpectedOnly },
        new("tulu-2-dpo-13b", "allenai/tulu-2-dpo-13b", "allenai/tulu-2-13b", 0.5,
            new(11.2, 15.6), new(15.5, 17.6), new(7.00, 7.26), ModelLicence.ImpactLowRisk),
        new("tulu-2-dpo-70b", "allenai/tulu-2-dpo-70b", "allenai/tulu-2-70b", 0.5,
            new(15.4, 23.0), new(21.2, 25.7), new(7.79, 8.03), ModelLicence.ImpactLowRisk) { Unverified = ExpectedOnly },
    ];

    /// <exception cref="UsageException">There is none of this name.</exception>
    public static BuiltInRecipe Named(string name) =>
        Find(name) ?? throw new UsageException(RecipeProblems.NoBuiltInRecipe(name, "no built-in recipe"));

    /// <summary>The recipe that a user named: a file if there is one, else a built-in recipe.</summary>
    /// <exception cref="UsageException">There is neither.</exception>
    public static RecipeDraft Open(string nameOrPath)
    {
        if (Path.Exists(nameOrPath))
        {
            return ReadFile(nameOrPath);
        }

        return Find(nameOrPath)?.Draft() ?? (LooksLikePath(nameOrPath)
            ? ReadFile(nameOrPath)
            : throw new UsageException(RecipeProblems.NoBuiltInRecipe(nameOrPath, "neither a recipe file nor a built-in recipe")));
    }

    private static BuiltInRecipe? Find(string name) => All.FirstOrDefault(recipe => recipe.Name == name);

    private static bool LooksLikePath(string text) =>
        text.Contains(Path.DirectorySeparatorChar, StringComparison.Ordinal) || Path.GetExtension(text) is ".yaml" or ".yml" or ".json";

    private static RecipeDraft ReadFile(string path)
    {
        try
        {
            return RecipeDraft.FromYaml(RegularFile.ReadText(path, RecipeYaml.MaxBytes), path);
        }
        catch (FileTooLongException)
        {
            throw new UsageException(RecipeProblems.TooLarge(path, $"longer than {RecipeYaml.MaxCharacters} characters"));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new UsageException(RecipeProblems.UnreadableFile(path, exception.Message));
        }
    }
}
