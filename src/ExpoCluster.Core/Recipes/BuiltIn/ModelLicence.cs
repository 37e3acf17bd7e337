namespace ExpoCluster.Core.Recipes.BuiltIn;

/// <summary>What the aligned model's card says about its licence, which the merged model inherits.</summary>
/// <param name="Name">Short, for a table.</param>
/// <param name="Note">A sentence for whoever means to use the model.</param>
public sealed record ModelLicence(string Name, string Note)
{
    internal static ModelLicence Mit { get; } = new("MIT", "MIT, as the model's card says.");

    internal static ModelLicence Apache { get; } = new("Apache-2.0", "Apache-2.0, as the model's card says.");

    internal static ModelLicence Starling { get; } = new(
        "Apache-2.0, terms",
        "Apache-2.0 under the condition that the model is not used to compete with OpenAI, as the model's card says.");

    internal static ModelLicence Llama3 { get; } = new("Llama 3", "Meta Llama 3 Community License (llama3), as the model's card says.");

    internal static ModelLicence InternLM2 { get; } = new(
        "InternLM2",
        "code Apache-2.0; weights free for research, and for commercial use after an application (see the model's card).");

    internal static ModelLicence ImpactLowRisk { get; } = new(
        "AI2 ImpACT low-risk",
        "AI2 ImpACT licence, low-risk, as the model's card says; made from Llama 2, whose terms see there.");
}
