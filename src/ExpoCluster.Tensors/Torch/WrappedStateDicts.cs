using System.Collections.Immutable;

namespace ExpoCluster.Tensors.Torch;

/// <summary>The dictionaries in a training program's file that hold tensors themselves, by the keys that lead to them.</summary>
/// <param name="Usual">Under keys that mean a model, and no others: the plain model alone where there is one beside its averages, teachers and so on.</param>
/// <param name="All">The keys of all, as <c>state.model</c>.</param>
internal sealed record WrappedStateDicts(IReadOnlyList<(string Path, PickleValue.Map Map)> Usual, IReadOnlyList<string> All)
{
    private const int MaxDepth = 8;

    /// <summary>More are not told.</summary>
    private const int MaxFound = 100;

    private static readonly ImmutableHashSet<string> PlainKeys = ImmutableHashSet.Create(
        StringComparer.Ordinal, "state_dict", "model_state_dict", "model", "module", "network", "net", "weights", "params");

    private static readonly ImmutableHashSet<string> UsualKeys = ImmutableHashSet.Create(
        StringComparer.Ordinal,
        "state_dict", "model_state_dict", "model_state", "model", "model_dict", "model_weights", "module", "network", "net", "weights", "params", "state",
        "ema", "ema_state_dict", "model_ema", "ema_model", "state_dict_ema", "params_ema", "policy", "policy_state_dict", "generator", "netG", "g_ema", "teacher", "student", "actor",
        "teacher_state_dict", "student_state_dict", "actor_state_dict");

    private readonly Dictionary<string, PickleValue.Map> byPath = new(StringComparer.Ordinal);

    /// <param name="top">What the file holds.</param>
    public static WrappedStateDicts Of(PickleValue.Map top)
    {
        var usual = new List<(string, PickleValue.Map)>();
        var all = new List<string>();
        var wrapped = new WrappedStateDicts(usual, all);
        var seen = new HashSet<PickleValue>(ReferenceEqualityComparer.Instance);
        var waiting = new Queue<(string Path, PickleValue.Map Map, bool IsUsual, int Depth)>([("", top, true, 0)]);
        while (waiting.TryDequeue(out (string Path, PickleValue.Map Map, bool IsUsual, int Depth) at))
        {
            if (!seen.Add(at.Map) || all.Count >= MaxFound)
            {
                continue;
            }

            if (at.Depth > 0 && at.Map.Entries.Any(entry => entry.Value is PickleValue.Tensor && entry.Key is PickleValue.Text))
            {
                all.Add(at.Path);
                wrapped.byPath.TryAdd(at.Path, at.Map);
                if (at.IsUsual)
                {
                    usual.Add((at.Path, at.Map));
                }

                continue;
            }

            foreach ((PickleValue key, PickleValue value) in at.Map.Entries)
            {
                if (key is PickleValue.Text text && value is PickleValue.Map map && at.Depth < MaxDepth)
                {
                    string path = at.Depth == 0 ? text.Content : $"{at.Path}.{text.Content}";
                    waiting.Enqueue((path, map, at.IsUsual && UsualKeys.Contains(text.Content), at.Depth + 1));
                }
            }
        }

        (string, PickleValue.Map)[] plain = [.. usual.Where(found => PlainKeys.Contains(found.Item1))];
        return plain.Length > 0 ? wrapped with { Usual = plain } : wrapped;
    }

    /// <summary>The dictionary that the keys lead to; null where there is none with tensors.</summary>
    public PickleValue.Map? At(string path) => byPath.GetValueOrDefault(path);
}
