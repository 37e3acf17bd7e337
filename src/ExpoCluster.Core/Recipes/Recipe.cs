using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Core.Recipes;

/// <summary>What the user wants merged, and how: checked, complete and immutable.</summary>
public sealed record Recipe
{
    public string? Name { get; init; }

    /// <summary>The merge method; this version has <c>expo</c>.</summary>
    public string Method { get; init; } = "expo";

    /// <summary>The reference of the checkpoint before preference training.</summary>
    public required string Base { get; init; }

    /// <summary>The reference of the checkpoint after it.</summary>
    public required string Aligned { get; init; }

    /// <summary>How far to move on: 0 gives aligned, −1 gives base. Always finite.</summary>
    public required double Alpha { get; init; }

    /// <summary>Several alphas, each for an output of its own, in place of <see cref="Alpha"/>; empty for one output.</summary>
    public ImmutableArray<double> Sweep { get; init; } = [];

    public Numerics Numerics { get; init; }

    /// <summary>Of stochastic rounding: another seed gives other bytes.</summary>
    public long Seed { get; init; }

    /// <summary>The dtype that arithmetic tensors are written in; null keeps each aligned tensor's own.</summary>
    public Dtype? OutputDtype { get; init; }

    public MismatchPolicy OnMismatch { get; init; }

    /// <summary>The largest output file in bytes; null keeps the aligned checkpoint's own partition into files.</summary>
    public long? MaxShardBytes { get; init; }

    /// <summary>The output directory; null where nothing is to be written.</summary>
    public string? Output { get; init; }

    /// <summary>The recipe that would make one output of a sweep alone.</summary>
    public Recipe OfVariant(int variant) => Sweep.IsEmpty ? this : this with { Alpha = Sweep[variant], Sweep = [] };

    /// <summary>One line of JSON with a fixed order of keys: equal recipes give equal text.</summary>
    public string ToCanonicalJson()
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            WriteOptional(json, RecipeKeys.Name, Name);
            json.WriteString(RecipeKeys.Method, Method);
            json.WriteString(RecipeKeys.Base, Base);
            json.WriteString(RecipeKeys.Aligned, Aligned);
            json.WriteNumber(RecipeKeys.Alpha, Alpha);
            json.WriteString(RecipeKeys.Numerics, Numerics.Word());
            json.WriteString(RecipeKeys.Dtype, DtypeWord(OutputDtype));
            json.WriteString(RecipeKeys.OnMismatch, PolicyWord(OnMismatch));
            json.WriteString(RecipeKeys.MaxShardSize, MaxShardBytes?.ToString(CultureInfo.InvariantCulture) ?? "keep");
            WriteOptional(json, RecipeKeys.Output, Output);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    /// <summary>The inverse of <see cref="ToCanonicalJson"/>.</summary>
    /// <exception cref="FormatException">The text did not come from <see cref="ToCanonicalJson"/>.</exception>
    public static Recipe FromCanonicalJson(string json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            string? Text(string key) => document.RootElement.TryGetProperty(key, out JsonElement value) ? value.ToString() : null;
            RecipeDraft draft = RecipeDraft.FromOptions(
                Text(RecipeKeys.Name),
                Text(RecipeKeys.Base),
                Text(RecipeKeys.Aligned),
                Text(RecipeKeys.Alpha),
                Text(RecipeKeys.Numerics),
                Text(RecipeKeys.Dtype),
                Text(RecipeKeys.MaxShardSize),
                Text(RecipeKeys.OnMismatch),
                Text(RecipeKeys.Output));
            return draft.Validate() is { Recipe: { } recipe }
                ? recipe
                : throw new FormatException($"No canonical recipe: {draft.Validate().Problems[0].Message}");
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw new FormatException($"No canonical recipe: {exception.Message}", exception);
        }
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

    private static string PolicyWord(MismatchPolicy policy) => policy switch
    {
        MismatchPolicy.Error => "error",
        MismatchPolicy.CopyAligned => "copy-aligned",
        MismatchPolicy.Drop => "drop",
        _ => throw new InvalidOperationException($"{policy} is no mismatch policy."),
    };
}
