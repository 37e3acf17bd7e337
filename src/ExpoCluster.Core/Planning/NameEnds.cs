using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Checkpoints.Understanding;

namespace ExpoCluster.Core.Planning;

/// <summary>Names by their ends, segment by segment from the last one, to find the tensor whose name ends as another does.</summary>
internal sealed class NameEnds
{
    /// <summary>Names of a checkpoint share their ends, so this is many times what the largest one takes.</summary>
    private const int MaxNodes = 2_000_000;

    private const int MaxSegments = 64;

    /// <summary>Below an end that so many have nobody is looked for.</summary>
    private const int MaxCandidates = 4;

    private readonly Node root = new();
    private readonly Dictionary<string, List<CheckpointTensor>> byNumbers = new(StringComparer.Ordinal);
    private int nodes;

    public NameEnds(IEnumerable<CheckpointTensor> tensors)
    {
        foreach (CheckpointTensor tensor in tensors)
        {
            Add(tensor);
        }
    }

    /// <summary>
    /// The only tensor of the same shape whose name has the longest common end with this one, and how many segments are common; null where there
    /// is none, or not one alone, or too little is common to mean anything.
    /// </summary>
    public (string Name, int Segments)? PartnerOf(CheckpointTensor tensor)
    {
        string[] segments = tensor.Name.Split('.');
        Node node = root;
        int common = 0;
        while (common < segments.Length && node.Children?.TryGetValue(segments[^(common + 1)], out Node? next) == true)
        {
            node = next;
            common++;
        }

        if (node.Count > MaxCandidates)
        {
            return PartnerByNumbers(tensor, segments);
        }

        CheckpointTensor[] candidates = [.. node.Tensors.Where(other => other.Shape.SequenceEqual(tensor.Shape))];
        bool isMeant = candidates.Length == 1
            && (common >= 2 || (common > 0 && (common == segments.Length || common == candidates[0].Name.Split('.').Length)));
        return isMeant ? (candidates[0].Name, common) : null;
    }

    // The names differ between the number of the layer and the common end, which every layer has.
    private (string Name, int Segments)? PartnerByNumbers(CheckpointTensor tensor, string[] segments)
    {
        List<CheckpointTensor> candidates = byNumbers.GetValueOrDefault(KeyOf(segments)) ?? [];
        CheckpointTensor[] sameShape = candidates.Count <= MaxCandidates ? [.. candidates.Where(other => other.Shape.SequenceEqual(tensor.Shape))] : [];
        return sameShape.Length == 1 ? (sameShape[0].Name, CommonEnd(segments, sameShape[0].Name.Split('.'))) : null;
    }

    private static int CommonEnd(string[] one, string[] other)
    {
        int common = 0;
        while (common < Math.Min(one.Length, other.Length) && one[^(common + 1)] == other[^(common + 1)])
        {
            common++;
        }

        return common;
    }

    private static string KeyOf(string[] segments) => string.Join('.', [.. segments.Where(TensorNames.IsNumber), "", .. segments[^Math.Min(2, segments.Length)..]]);

    private void Add(CheckpointTensor tensor)
    {
        string[] segments = tensor.Name.Split('.');
        if (segments.Length > MaxSegments || nodes > MaxNodes)
        {
            return;
        }

        string key = KeyOf(segments);
        if (!byNumbers.TryGetValue(key, out List<CheckpointTensor>? alike))
        {
            byNumbers[key] = alike = [];
        }

        alike.Add(tensor);
        Node node = root;
        for (int i = segments.Length - 1; i >= 0; i--)
        {
            node = Child(node, segments[i]);
            node.Add(tensor);
        }
    }

    private Node Child(Node node, string segment)
    {
        node.Children ??= new Dictionary<string, Node>(StringComparer.Ordinal);
        if (!node.Children.TryGetValue(segment, out Node? child))
        {
            node.Children[segment] = child = new Node();
            nodes++;
        }

        return child;
    }

    private sealed class Node
    {
        public Dictionary<string, Node>? Children { get; set; }

        public int Count { get; private set; }

        /// <summary>The first few.</summary>
        public List<CheckpointTensor> Tensors { get; } = [];

        public void Add(CheckpointTensor tensor)
        {
            Count++;
            if (Count <= MaxCandidates)
            {
                Tensors.Add(tensor);
            }
        }
    }
}
