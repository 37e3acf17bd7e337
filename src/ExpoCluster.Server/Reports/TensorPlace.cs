using System.Globalization;
using System.Text.RegularExpressions;
using ExpoCluster.Tensors;

namespace ExpoCluster.Server.Reports;

/// <summary>Where a tensor stands in a heat map: its layer, and what it is in that layer.</summary>
/// <param name="Kind">The name without its layer, for example <c>self_attn.q_proj</c>; all experts of a layer are one kind.</param>
/// <param name="Layer">Null outside of the layers.</param>
public sealed partial record TensorPlace(string Kind, int? Layer)
{
    private const int LongestName = 1000;

    public static TensorPlace Of(string tensor)
    {
        if (tensor.Length > LongestName)
        {
            // No model has such a name, and the longer one is, the longer it takes to look for a layer in it.
            return new TensorPlace(Printable.Of(tensor), Layer: null);
        }

        Match match = InLayer().Match(tensor);
        return match.Success
            ? new TensorPlace(KindOf(match.Groups["stack"].Value + match.Groups["rest"].Value), int.Parse(match.Groups["layer"].ValueSpan, CultureInfo.InvariantCulture))
            : new TensorPlace(KindOf(tensor), Layer: null);
    }

    private static string KindOf(string name)
    {
        string plain = Numbers().Replace(name, ".*");
        plain = plain.StartsWith("model.", StringComparison.Ordinal) ? plain["model.".Length..] : plain;
        return plain.EndsWith(".weight", StringComparison.Ordinal) ? plain[..^".weight".Length] : plain;
    }

    // The stack is part of the kind only where there are several, as of images and of text.
    [GeneratedRegex(@"^(model\.|transformer\.|gpt_neox\.)?(?<stack>(.*?\.)??)(layers|layer|h|blocks|block)\.(?<layer>[0-9]{1,6})\.(?<rest>.+)$", RegexOptions.ExplicitCapture)]
    private static partial Regex InLayer();

    [GeneratedRegex(@"\.[0-9]+(?=\.|$)")]
    private static partial Regex Numbers();
}
