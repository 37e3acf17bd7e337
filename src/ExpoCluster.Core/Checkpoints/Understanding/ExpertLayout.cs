using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace ExpoCluster.Core.Checkpoints.Understanding;

/// <summary>How the experts of a mixture are stored: one tensor for all of a layer, or one for each.</summary>
/// <param name="Fused">Names of tensors that hold all experts of a layer.</param>
/// <param name="Single">Names of tensors of one expert.</param>
public sealed partial record ExpertLayout(ImmutableArray<string> Fused, ImmutableArray<string> Single)
{
    /// <summary>What is fused here and single in the other, layer by layer: a model may have layers of both kinds, as those that predict further tokens.</summary>
    /// <returns>Empty where no layer is.</returns>
    internal ExpertLayout FusedAgainst(ExpertLayout other)
    {
        HashSet<string> layers = [.. Fused.Select(LayerOf)];
        layers.IntersectWith(other.Single.Select(LayerOf));
        layers.ExceptWith(Single.Select(LayerOf));
        layers.ExceptWith(other.Fused.Select(LayerOf));
        return new ExpertLayout([.. Fused.Where(name => layers.Contains(LayerOf(name)))], [.. other.Single.Where(name => layers.Contains(LayerOf(name)))]);
    }

    // The number and the word before it; prefixes differ between versions, and so do the words behind it.
    private static string LayerOf(string name)
    {
        string[] segments = name.Split('.');
        int number = Array.FindIndex(segments, TensorNames.IsNumber);
        int experts = Array.FindIndex(segments, IsOfExperts);
        return number > 0 && number < experts ? $"{segments[number - 1]}.{segments[number]}" : "";
    }

    internal static ExpertLayout Of(IEnumerable<CheckpointTensor> tensors)
    {
        var fused = ImmutableArray.CreateBuilder<string>();
        var single = ImmutableArray.CreateBuilder<string>();
        foreach (CheckpointTensor tensor in tensors)
        {
            if (SingleExpert().IsMatch(tensor.Name))
            {
                single.Add(tensor.Name);
            }
            else if ((tensor.Shape.Length is 2 or 3 && FusedExperts().IsMatch(tensor.Name)) || (tensor.Shape.Length == 3 && IsBelowExperts(tensor.Name)) || GroupedExperts().IsMatch(tensor.Name))
            {
                fused.Add(tensor.Name);
            }
        }

        fused.Sort(StringComparer.Ordinal);
        single.Sort(StringComparer.Ordinal);
        return new ExpertLayout(fused.ToImmutable(), single.ToImmutable());
    }

    /// <summary>Megatron's grouped experts have one module with a tensor for each: <c>experts.linear_fc1.weight0</c>.</summary>
    internal static bool IsGrouped(string name) => GroupedExperts().IsMatch(name);

    private static bool IsOfExperts(string segment) => segment.EndsWith("experts", StringComparison.Ordinal) || segment is "moe" || segment.EndsWith("_moe", StringComparison.Ordinal);

    // Three extents are those of a matrix for each expert.
    private static bool IsBelowExperts(string name)
    {
        string[] segments = name.Split('.');
        int experts = Array.FindIndex(segments, IsOfExperts);
        return experts >= 0 && !segments.Skip(experts).Any(segment => TensorNames.IsNumber(segment) || segment.StartsWith("shared_", StringComparison.Ordinal));
    }

    [GeneratedRegex(@"(?:^|\.)(?:\w*experts)\.(?:expert_)?\d+\.", RegexOptions.CultureInvariant)]
    private static partial Regex SingleExpert();

    [GeneratedRegex(@"(?:^|\.)(?!shared_)(?:\w*experts)\.linear_fc[12]\.(?:weight|bias)\d+$", RegexOptions.CultureInvariant)]
    private static partial Regex GroupedExperts();

    // What all experts share, and their router, has other names.
    [GeneratedRegex(@"(?:^|\.)(?!shared_)(?:\w*experts)\.(?:\w+\.)?(?:gate_up_proj|up_gate_proj|gate_proj|up_proj|down_proj|w1|w2|w3|v1|wi|wo|w13|input_linear|output_linear)(?:\.weight|_bias|\.bias)?$", RegexOptions.CultureInvariant)]
    private static partial Regex FusedExperts();
}
