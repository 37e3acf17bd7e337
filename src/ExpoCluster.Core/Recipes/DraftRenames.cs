using System.Collections.Immutable;

namespace ExpoCluster.Core.Recipes;

/// <summary>Understands the list <c>rename</c>. What cannot be understood becomes a problem and is left out.</summary>
internal sealed class DraftRenames(ImmutableArray<RecipeProblem>.Builder problems)
{
    private const string Form = "- {from: 'model.', to: 'model.language_model.', in: base}";

    private static readonly (string Word, RenamedSide Side)[] Sides = [("base", RenamedSide.Base), ("aligned", RenamedSide.Aligned)];

    private static readonly string[] Keys = [RecipeKeys.From, RecipeKeys.To, RecipeKeys.In];

    public static string Word(RenamedSide side) => Sides.Single(row => row.Side == side).Word;

    public ImmutableArray<TensorRename> Read(DraftValue value)
    {
        if (!value.IsList)
        {
            problems.Add(RecipeProblems.MisshapenEntry(value.Path, Form));
            return [];
        }

        if (value.Entries.IsEmpty)
        {
            problems.Add(RecipeProblems.EmptyList(value.Path, Form));
        }

        return [.. value.Entries.Select(Read).OfType<TensorRename>()];
    }

    private TensorRename? Read(DraftEntry entry)
    {
        Dictionary<string, string?> fields = new(StringComparer.Ordinal);
        bool isMapping = entry.Text is null && entry.Fields.All(field => Keys.Contains(field.Key) && fields.TryAdd(field.Key, field.Value));
        string? from = fields.GetValueOrDefault(RecipeKeys.From);
        string? to = fields.GetValueOrDefault(RecipeKeys.To);
        string? side = fields.GetValueOrDefault(RecipeKeys.In);
        // An empty 'from' puts something in front of every name; an empty 'to' takes it away.
        if (!isMapping || from is null || to is null || side is null)
        {
            problems.Add(RecipeProblems.MisshapenEntry(entry.Path, Form));
            return null;
        }

        if (!DraftValue.IsPlain(from) || !DraftValue.IsPlain(to))
        {
            problems.Add(RecipeProblems.NotPlainText(entry.Path));
            return null;
        }

        (string Word, RenamedSide Side)[] named = [.. Sides.Where(row => row.Word == side)];
        if (named.Length == 0)
        {
            problems.Add(RecipeProblems.UnknownWord(side, entry.Path, "checkpoint of a rename", string.Join(", ", Sides.Select(row => row.Word))));
            return null;
        }

        return Checked(new TensorRename(from, to, named[0].Side), entry.Path);
    }

    private TensorRename? Checked(TensorRename rename, string path)
    {
        if (rename.From == rename.To)
        {
            problems.Add(RecipeProblems.RenamesNothing(path));
            return null;
        }

        if (!rename.IsSound)
        {
            problems.Add(RecipeProblems.WildcardsDiffer(path, rename.From, rename.To));
            return null;
        }

        return rename;
    }
}
