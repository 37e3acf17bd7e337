using System.Collections.Immutable;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.Core.SideFiles;

/// <summary>Which dtypes an output's tensors have: all of it, and each of its sub-models.</summary>
internal sealed class WrittenDtypes
{
    // What tensors are called that belong to a sub-model's configuration, where the two names differ.
    private static readonly (string[] Configurations, string[] Tensors)[] OtherNames =
    [
        (["vision", "visual", "image", "vit"], ["vision", "visual", "image", "vit"]),
        (["audio", "speech"], ["audio", "speech"]),
        (["text", "llm", "language", "lm"], ["text_model", "language_model", "llm", "lm", "text"]),
    ];

    private static readonly string[] LanguageModels = ["text", "llm", "language", "lm"];

    private readonly ImmutableArray<(string[] Name, Dtype Dtype, long Bytes)> tensors;

    private readonly Dictionary<string, Dtype?> known = new(StringComparer.Ordinal);

    private WrittenDtypes(Dtype? main, ImmutableArray<(string[] Name, Dtype Dtype, long Bytes)> tensors)
    {
        Main = main;
        this.tensors = tensors;
    }

    /// <summary>The dtype that most of the floating-point bytes have; null when there are none.</summary>
    public Dtype? Main { get; }

    public static WrittenDtypes Only(Dtype dtype) => new(dtype, []);

    /// <param name="main">That most of the floating-point bytes have; null when there are none.</param>
    /// <param name="tensors">All of the output's.</param>
    public static WrittenDtypes Of(Dtype? main, IEnumerable<SafetensorsTensor> tensors) => new(
        main, [.. tensors.Where(tensor => tensor.Dtype.IsArithmetic()).Select(tensor => (tensor.Name.Split('.'), tensor.Dtype, tensor.ByteCount))]);

    /// <summary>The dtype of the innermost sub-model on the way to a key; null where several were written and it is not clear which one is meant.</summary>
    /// <param name="path">The keys that lead there, as <c>vision_config</c>, <c>dtype</c>.</param>
    /// <param name="subModels">All configurations beside the one that the path begins with, and that one.</param>
    public Dtype? Of(ImmutableArray<string> path, IReadOnlyCollection<string> subModels)
    {
        if (tensors.Select(tensor => tensor.Dtype).Distinct().Take(2).Count() < 2)
        {
            return Main;
        }

        for (int depth = path.Length - 2; depth >= 0; depth--)
        {
            string model = StemOf(path[depth]);
            if (!known.TryGetValue(model, out Dtype? own))
            {
                known[model] = own = DtypeOf(name => IsOf(name, model));
            }

            if (own is not null)
            {
                return own;
            }
        }

        // A language model's tensors often have no name of their own: they are those of no other sub-model.
        string first = StemOf(path[0]);
        string[] others = [.. subModels.Select(StemOf).Where(other => other != first)];
        return LanguageModels.Contains(first) ? DtypeOf(name => !others.Any(other => IsOf(name, other))) : null;
    }

    private Dtype? DtypeOf(Func<string[], bool> isMeant) => tensors
        .Where(tensor => isMeant(tensor.Name))
        .GroupBy(tensor => tensor.Dtype)
        .OrderByDescending(group => group.Sum(tensor => tensor.Bytes))
        .ThenBy(group => group.Key)
        .Select(group => (Dtype?)group.Key)
        .FirstOrDefault();

    private static string StemOf(string configuration) =>
        configuration.EndsWith("_config", StringComparison.Ordinal) ? configuration[..^"_config".Length] : configuration;

    private static bool IsOf(string[] name, string model)
    {
        string[] words = OtherNames.Where(row => row.Configurations.Contains(model)).SelectMany(row => row.Tensors).DefaultIfEmpty(model).ToArray();
        return name[..^1].Any(segment => words.Any(word => segment == word || segment.StartsWith(word + "_", StringComparison.Ordinal)));
    }
}
