using System.Collections.Immutable;

namespace ExpoCluster.Tensors.Torch;

/// <summary>The dictionary of names to tensors in a pickle, and what was passed over to find it.</summary>
/// <remarks>
/// It is the pickle itself, or stands in it under one of the keys that training programs use, or under the key that the user names. Tensors anywhere else are no
/// checkpoint: to guess their names would be to invent a model.
/// </remarks>
internal sealed record StateDict(PickleValue.Map Map, ImmutableArray<string> Notes)
{
    private const int ShownKeys = 8;

    /// <exception cref="TensorFileException">There is none, or it is not clear which of several it is.</exception>
    /// <param name="pickled">What the file holds.</param>
    /// <param name="file">For errors.</param>
    /// <param name="key">Where the state dict is, as the user says it; null to find it.</param>
    public static StateDict Find(PickleValue pickled, string file, string? key = null)
    {
        if (pickled is not PickleValue.Map top)
        {
            throw TorchRules.HoldsAStateDict.Broken(file, expected: "a dict of names to tensors", found: pickled.Kind);
        }

        var wrapped = WrappedStateDicts.Of(top);
        if (key is not null)
        {
            PickleValue.Map chosen = wrapped.At(key) ?? throw TorchRules.KeyIsThere.Broken(
                file, expected: $"'{Printable.Of(key)}'", found: wrapped.All.Count == 0 ? "no such dictionary at all" : Quoted([.. wrapped.All]));
            return new StateDict(chosen, [Chosen(key, []), .. NotesOn(chosen, file)]);
        }

        if (HoldsTensorsItself(top))
        {
            return new StateDict(top, NotesOn(top, file));
        }

        return wrapped.Usual.Count == 1 ? OnlyUsual(wrapped, top, file) : throw Unclear(wrapped, top, file);
    }

    private static StateDict OnlyUsual(WrappedStateDicts wrapped, PickleValue.Map top, string file)
    {
        (string Path, PickleValue.Map Map) found = wrapped.Usual[0];
        string[] others = [.. top.Entries.Select(entry => NameOf(entry.Key)).Where(name => name != found.Path.Split('.')[0])];
        // The state of an optimizer is no model, though it can be chosen.
        string[] choices = [.. wrapped.All.Where(path => path != found.Path && !path.Contains("optim", StringComparison.OrdinalIgnoreCase))];
        string choice = choices.Length == 0 ? "" : $" FILE#KEY chooses another: {Quoted(choices)}.";
        return new StateDict(found.Map, [Chosen(found.Path, others) + choice, .. NotesOn(found.Map, file)]);
    }

    private static string Chosen(string path, string[] others)
    {
        string passedOver = others.Length == 0 ? "" : $"; {Quoted(others)} beside it {(others.Length == 1 ? "is" : "are")} not read";
        return $"The checkpoint is what the file holds under '{Printable.Of(path)}'{passedOver}.";
    }

    private static TensorFileException Unclear(WrappedStateDicts wrapped, PickleValue.Map top, string file)
    {
        string[] holders = [.. top.Entries.Where(entry => TensorSearch.Finds(entry.Value)).Select(entry => NameOf(entry.Key))];
        if (holders.Length == 0)
        {
            return TorchRules.HoldsAStateDict.Broken(file, expected: "a dict of names to tensors", found: $"a dict without tensors{Keys(top)}");
        }

        string[] keys = wrapped.Usual.Count > 0 ? [.. wrapped.Usual.Select(found => found.Path)] : wrapped.All.Count > 0 ? [.. wrapped.All] : holders;
        return TorchRules.StateDictIsClear.Broken(
            file, expected: "tensors at the top, or under one key such as 'state_dict'", found: $"tensors under {Quoted(keys)}");
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
        map.Entries.Count == 0 ? "" : $" but with {Quoted([.. map.Entries.Select(entry => NameOf(entry.Key))])}";

    private static string Quoted(string[] names) => Printable.SomeQuoted(names, ShownKeys);
}
