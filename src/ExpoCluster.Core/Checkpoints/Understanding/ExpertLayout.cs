using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace ExpoCluster.Core.Checkpoints.Understanding;

/// <summary>How the experts of a mixture are stored: one tensor for all of a layer, or one for each.</summary>
/// <param name="Fused">Names of tensors that hold all experts of a layer.</param>
/// <param name="Single">Names of tensors of one expert.</param>
public sealed partial record ExpertLayout(ImmutableArray<string> Fused, ImmutableArray<string> Single)
{
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
            else if (FusedExperts().IsMatch(tensor.Name) && tensor.Shape.Length is 2 or 3)
            {
                fused.Add(tensor.Name);
            }
        }

        fused.Sort(StringComparer.Ordinal);
        single.Sort(StringComparer.Ordinal);
        return new ExpertLayout(fused.ToImmutable(), single.ToImmutable());
    }

    [GeneratedRegex(@"(?:^|\.)(?:\w*experts)\.\d+\.", RegexOptions.CultureInvariant)]
    private static partial Regex SingleExpert();

    // What all experts share, and their router, has other names.
    [GeneratedRegex(@"(?:^|\.)(?!shared_)(?:\w*experts)\.(?:\w+\.)?(?:gate_up_proj|up_gate_proj|gate_proj|up_proj|down_proj|w1|w2|w3|v1|wi|wo|w13|input_linear|output_linear)(?:\.weight|_bias|\.bias)?$", RegexOptions.CultureInvariant)]
    private static partial Regex FusedExperts();
}
