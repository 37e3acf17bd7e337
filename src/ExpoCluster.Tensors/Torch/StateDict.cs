using System.Collections.Immutable;

namespace ExpoCluster.Tensors.Torch;

/// <summary>The dictionary of names to tensors in a pickle, and what was passed over to find it.</summary>
/// <remarks>
/// It is the pickle itself, or stands in it under one of the keys that training programs use. Tensors anywhere else are no
/// checkpoint: to guess their names would be to invent a model.
/// </remarks>
internal sealed record StateDict(PickleValue.Map Map, ImmutableArray<string> Notes)
{
    private static readonly ImmutableArray<string> Wrappers =
        ["state_dict", "model_state_dict", "model", "module", "network", "net", "weights", "params"];

    private const int ShownKeys = 8;

    /// <exception cref="TensorFileException">There is none, or it is not clear which of several it is.</exception>
    public static StateDict Find(PickleValue pickled, string file)
    {
        if (pickled is not PickleValue.Map top)
        {
            throw TorchRules.HoldsAStateDict.Broken(file, expected: "a dict of names to tensors", found: pickled.Kind);
        }

        if (HoldsTensorsItself(top))
        {
            return new StateDict(top, NotesOn(top, file));
        }

        string[] holders = [.. top.Entries.Where(entry => TensorSearch.Finds(entry.Value)).Select(entry => NameOf(entry.Key))];
        if (holders.Length == 0)
        {
            throw TorchRules.HoldsAStateDict.Broken(file, expected: "a dict of names to tensors", found: $"a dict without tensors{Keys(top)}");
        }

        return Wrapped(top, file) ?? throw TorchRules.StateDictIsClear.Broken(
            file, expected: "tensors at the top, or under one key such as 'state_dict'", found: $"tensors under {Quoted(holders)}");
    }

    private static StateDict? Wrapped(PickleValue.Map top, string file)
    {
        (string Key, PickleValue.Map Map)[] wrapped =
        [
            .. from entry in top.Entries
               where entry.Key is PickleValue.Text text && Wrappers.Contains(text.Content)
               where entry.Value is PickleValue.Map map && HoldsTensorsItself(map)
               select (NameOf(entry.Key), (PickleValue.Map)entry.Value),
        ];
        if (wrapped is not [(string key, PickleValue.Map found)])
        {
            return null;
        }

        string[] others = [.. top.Entries.Select(entry => NameOf(entry.Key)).Where(name => name != key)];
        string passedOver = others.Length == 0 ? "" : $"; {Quoted(others)} beside it {(others.Length == 1 ? "is" : "are")} not read";
        return new StateDict(found, [$"The checkpoint is what the file holds under '{Printable.Of(key)}'{passedOver}.", .. NotesOn(found, file)]);
    }

    private static bool HoldsTensorsItself(PickleValue.Map map) => map.Entries.Any(entry => entry.Value is PickleValue.Tensor);

    // Numbers and texts beside tensors are records of a training; other tensors may be half of the model.
    private static ImmutableArray<string> NotesOn(PickleValue.Map map, string file)
    {
        var others = map.Entries.Where(entry => entry.Value is not PickleValue.Tensor).ToArray();
        string? holder = others.Where(entry => TensorSearch.Finds(entry.Value)).Select(entry => NameOf(entry.Key)).FirstOrDefault();
        if (holder is not null)
        {
            throw TorchRules.StateDictIsClear.Broken(
                file, expected: "tensors in one dict", found: $"more of them nested under '{Printable.Of(holder)}'");
        }

        return others.Length == 0
            ? []
            : [$"Not a tensor and so not read: {Quoted([.. others.Select(entry => NameOf(entry.Key))])}."];
    }

    private static string NameOf(PickleValue key) => key is PickleValue.Text text ? text.Content : key.Kind;

    private static string Keys(PickleValue.Map map) =>
        map.Entries.Count == 0 ? "" : $" but with {Quoted([.. map.Entries.Take(ShownKeys + 1).Select(entry => NameOf(entry.Key))])}";

    private static string Quoted(string[] names) =>
        string.Join(", ", names.Take(ShownKeys).Select(name => $"'{Printable.Of(name)}'")) + (names.Length > ShownKeys ? " and more" : "");
}
