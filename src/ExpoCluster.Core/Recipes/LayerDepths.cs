using System.Globalization;
using System.Text.RegularExpressions;

namespace ExpoCluster.Core.Recipes;

/// <summary>How deep in its model each tensor lies, by the layer number in its name.</summary>
/// <remarks>Each stack of layers is measured by itself, for a model may have two: of images and of text.</remarks>
public sealed partial class LayerDepths
{
    private readonly Dictionary<string, int> lastLayerOfStack = new(StringComparer.Ordinal);

    /// <param name="tensors">The names of all tensors of a checkpoint.</param>
    public LayerDepths(IEnumerable<string> tensors)
    {
        foreach (string tensor in tensors)
        {
            if (Place(tensor) is var (stack, layer))
            {
                lastLayerOfStack[stack] = Math.Max(layer, lastLayerOfStack.GetValueOrDefault(stack));
            }
        }
    }

    /// <summary>Layers of the largest stack; 0 where there are none.</summary>
    public int Layers => lastLayerOfStack.Count == 0 ? 0 : lastLayerOfStack.Values.Max() + 1;

    /// <summary>0 in the first layer and outside of layers, 1 in the last.</summary>
    public double Of(string tensor) => Place(tensor) is var (stack, layer) && lastLayerOfStack.GetValueOrDefault(stack) is > 0 and var last
        ? (double)layer / last
        : 0;

    private static (string Stack, int Layer)? Place(string tensor)
    {
        Match match = Layer().Match(tensor);
        return match.Success
            ? (match.Groups["stack"].Value, int.Parse(match.Groups["layer"].ValueSpan, CultureInfo.InvariantCulture))
            : null;
    }

    [GeneratedRegex(@"^(?<stack>(.*?\.)??(layers|h|blocks))\.(?<layer>[0-9]{1,6})\.", RegexOptions.ExplicitCapture)]
    private static partial Regex Layer();
}
