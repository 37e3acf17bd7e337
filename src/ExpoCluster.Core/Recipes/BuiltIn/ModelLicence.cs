namespace ExpoCluster.Core.Recipes.BuiltIn;

/// <summary>The aligned model's licence as it was known when this version was made; the merged model inherits it.</summary>
/// <remarks>Authors change their terms: the model's card has the last word, and every note says so.</remarks>
/// <param name="Name">Short, for a table.</param>
/// <param name="Note">A sentence for whoever means to use the model.</param>
public sealed record ModelLicence(string Name, string Note)
{
    internal static ModelLicence Mit { get; } = new("MIT", "MIT; the model's card has the last word.");

    internal static ModelLicence Apache { get; } = new("Apache-2.0", "Apache-2.0; the model's card has the last word.");

    internal static ModelLicence Starling { get; } = new(
        "Apache-2.0, terms",
        "Apache-2.0 under the condition that the model is not used to compete with OpenAI; the model's card has the last word.");

    internal static ModelLicence Llama3 { get; } = new("Llama 3", "Meta Llama 3 Community License; the model's card has the last word.");

    internal static ModelLicence InternLM2 { get; } = new(
        "InternLM2",
        "code Apache-2.0; weights free for research, commercially after applying; the model's card has the last word.");

    internal static ModelLicence ImpactLowRisk { get; } = new(
        "AI2 ImpACT low-risk",
        "AI2 ImpACT licence for low-risk artifacts, and Llama 2's terms; the model's card has the last word.");
}
