using ExpoCluster.Core.Checkpoints;

namespace ExpoCluster.Core.Planning;

/// <summary>The form in which Mistral publishes models: one <c>consolidated.safetensors</c> and its <c>params.json</c>, whose loader looks for these names.</summary>
internal static class MistralFormat
{
    public const string WeightsName = "consolidated.safetensors";

    public const string ParametersName = "params.json";

    /// <summary>The checkpoint was found by such a file.</summary>
    public static bool IsOf(Checkpoint checkpoint) => checkpoint.EntryFileName == WeightsName && checkpoint.Folder.ReadBeside(ParametersName, MaxBytes) is not null;

    /// <summary>The output is of this form. Its loader takes <see cref="ParametersName"/> for a sign of it, so no other output has that file.</summary>
    public static bool IsOf(Plan plan) => plan.LayoutLength == 1 && plan.Files[0].BaseName == WeightsName;

    private const int MaxBytes = 1 << 20;
}
