using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Core.Recipes;

/// <summary>The canonical form of a recipe. Journals and provenances hold it, so its bytes are frozen.</summary>
internal static class RecipeJson
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Write(Recipe recipe)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartObject();
            WriteOptional(json, RecipeKeys.Name, recipe.Name);
            json.WriteString(RecipeKeys.Method, recipe.Method);
            json.WriteString(RecipeKeys.Base, recipe.Base);
            json.WriteString(RecipeKeys.Aligned, recipe.Aligned);
            WriteAlpha(json, recipe);
            json.WriteString(RecipeKeys.Numerics, recipe.Numerics.Word());
            if (recipe.Numerics == Numerics.Stochastic)
            {
                json.WriteNumber(RecipeKeys.Seed, recipe.Seed);
            }

            json.WriteString(RecipeKeys.Dtype, DtypeWord(recipe.OutputDtype));
            WriteMismatch(json, recipe.OnMismatch);
            WriteRenames(json, recipe.Renames);
            WriteOptional(json, RecipeKeys.Require, recipe.Requires == RecipeRequirements.None ? null : recipe.Requires.ToString());
            json.WriteString(RecipeKeys.MaxShardSize, recipe.MaxShardBytes?.ToString(CultureInfo.InvariantCulture) ?? "keep");
            if (recipe.Strict)
            {
                json.WriteBoolean(RecipeKeys.Strict, true);
            }

            WriteOptional(json, RecipeKeys.Output, recipe.Output);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    /// <exception cref="FormatException">The text did not come from <see cref="Write"/>.</exception>
    public static Recipe Read(string text)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            RecipeValidation validation = RecipeDraft.FromJson(document.RootElement).Validate();
            return validation.Recipe ?? throw new FormatException($"No canonical recipe: {validation.Problems[0].Message}");
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw new FormatException($"No canonical recipe: {exception.Message}", exception);
        }
    }

    private static void WriteAlpha(Utf8JsonWriter json, Recipe recipe)
    {
        if (!recipe.Sweep.IsEmpty)
        {
            WriteNumbers(json, RecipeKeys.Sweep, recipe.Sweep);
            return;
        }

        switch (recipe.Alpha)
        {
            case AlphaRule.Constant constant:
                json.WriteNumber(RecipeKeys.Alpha, constant.Value);
                break;
            case AlphaRule.ByPattern byPattern:
                WritePatterns(json, RecipeKeys.Alpha, byPattern.Patterns, value => json.WriteNumber(RecipeKeys.Alpha, value));
                break;
            case AlphaRule.ByDepth byDepth:
                WriteNumbers(json, RecipeKeys.AlphaByDepth, byDepth.Values);
                break;
            default:
                throw new InvalidOperationException($"{recipe.Alpha.GetType().Name} has no canonical form.");
        }
    }

    private static void WriteNumbers(Utf8JsonWriter json, string key, ImmutableArray<double> values)
    {
        json.WriteStartArray(key);
        foreach (double value in values)
        {
            json.WriteNumberValue(value);
        }

        json.WriteEndArray();
    }

    private static void WriteMismatch(Utf8JsonWriter json, MismatchRule rule)
    {
        switch (rule)
        {
            case MismatchRule.Constant constant:
                json.WriteString(RecipeKeys.OnMismatch, constant.Policy.Word());
                break;
            case MismatchRule.ByPattern byPattern:
                WritePatterns(json, RecipeKeys.OnMismatch, byPattern.Patterns, policy => json.WriteString(RecipeKeys.Policy, policy.Word()));
                break;
            default:
                throw new InvalidOperationException($"{rule.GetType().Name} has no canonical form.");
        }
    }

    // Recipes of before have none, and keep their bytes.
    private static void WriteRenames(Utf8JsonWriter json, ImmutableArray<TensorRename> renames)
    {
        if (renames.IsEmpty)
        {
            return;
        }

        json.WriteStartArray(RecipeKeys.Rename);
        foreach (TensorRename rename in renames)
        {
            json.WriteStartObject();
            json.WriteString(RecipeKeys.From, rename.From);
            json.WriteString(RecipeKeys.To, rename.To);
            json.WriteString(RecipeKeys.In, DraftRenames.Word(rename.In));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WritePatterns<T>(Utf8JsonWriter json, string key, TensorPatterns<T> patterns, Action<T> writeValue)
    {
        json.WriteStartArray(key);
        foreach (TensorPattern<T> entry in patterns.Entries)
        {
            json.WriteStartObject();
            json.WriteString(RecipeKeys.Match, entry.Match);
            writeValue(entry.Value);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteOptional(Utf8JsonWriter json, string key, string? value)
    {
        if (value is not null)
        {
            json.WriteString(key, value);
        }
    }

    private static string DtypeWord(Dtype? dtype) => dtype switch
    {
        null => "aligned",
        Dtype.BF16 => "bf16",
        Dtype.F16 => "f16",
        Dtype.F32 => "f32",
        _ => throw new InvalidOperationException($"{dtype} is no dtype of an output."),
    };
}
