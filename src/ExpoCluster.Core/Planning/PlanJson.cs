using System.Buffers;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Methods;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;
using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.Core.Planning;

/// <summary>The plan as bytes: keys in a fixed order, no white space, so that equal plans are equal bytes.</summary>
/// <remarks>
/// Tensors are arrays, for a plan may hold a hundred thousand of them:
/// <c>[name, dtype, shape, rule, alpha, [input, offset, dtype], [input, offset, dtype] or null]</c>, the sources of aligned and base,
/// and behind these the number of elements that base has, where it has fewer.
/// </remarks>
public static class PlanJson
{
    private const int FormatVersion = 1;

    /// <summary>Of plans with sources that are gathered, which versions before this one cannot.</summary>
    private const int StridedFormatVersion = 2;

    private const int LeastBytes = 64 << 10;

    // Besides its name: dtypes, a shape of some digits, two places in files.
    private const int BytesOfTensor = 96;

    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Digest(ReadOnlyMemory<byte> canonicalJson) =>
        Convert.ToHexStringLower(SHA256.HashData(canonicalJson.Span));

    internal static ReadOnlyMemory<byte> Write(Plan plan)
    {
        var buffer = new ArrayBufferWriter<byte>(EstimateBytes(plan));
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartObject();
            json.WriteNumber("format", IsStrided(plan) ? StridedFormatVersion : FormatVersion);
            json.WriteNumber("numerics_version", plan.NumericsVersion);
            json.WriteString("method", plan.Method);
            json.WriteString("numerics", plan.Numerics.Word());
            if (plan.Numerics == Numerics.Stochastic)
            {
                json.WriteNumber("seed", plan.Seed);
            }

            if (plan.Variants > 1)
            {
                json.WriteNumber("variants", plan.Variants);
            }

            if (plan.StatedAlignedInputs is { } alignedInputs)
            {
                json.WriteNumber("aligned_inputs", alignedInputs);
            }

            json.WriteString("side_files", plan.SideFileDirectory);
            json.WriteStartArray("inputs");
            foreach (PlanInput input in plan.Inputs)
            {
                WriteInput(json, input);
            }

            json.WriteEndArray();
            json.WriteStartArray("files");
            foreach (PlannedFile file in plan.Files)
            {
                WriteFile(json, file);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return buffer.WrittenMemory;
    }

    // A buffer that grows by itself is twice as large in the end, and is copied on the way.
    private static int EstimateBytes(Plan plan) => (int)Math.Min(
        Array.MaxLength / 2, LeastBytes + plan.Files.Sum(file => file.Tensors.Sum(tensor => (long)tensor.Entry.Name.Length + BytesOfTensor)));

    /// <summary>Reads what <see cref="Write"/> wrote, in this version or an earlier one. The plan keeps the bytes, and its digest is theirs.</summary>
    /// <param name="canonicalJson">Not to be changed any more.</param>
    /// <exception cref="JsonException">Not such a document.</exception>
    /// <exception cref="JobException">A plan of a format that this version does not know.</exception>
    public static Plan Read(ReadOnlyMemory<byte> canonicalJson)
    {
        using JsonDocument document = JsonDocument.Parse(canonicalJson);
        try
        {
            return Read(document.RootElement, canonicalJson);
        }
        catch (Exception exception) when (exception is KeyNotFoundException or InvalidOperationException or FormatException
            or ArgumentException or IndexOutOfRangeException)
        {
            throw new JsonException("This is no plan, or one of another version of ExpoCluster.", exception);
        }
    }

    private static Plan Read(JsonElement root, ReadOnlyMemory<byte> readFrom)
    {
        if (root.GetProperty("format").GetInt32() is var format and not (FormatVersion or StridedFormatVersion))
        {
            throw JobException.OfUnknownPlanFormat(format, StridedFormatVersion);
        }

        return new Plan(
            root.GetProperty("numerics_version").GetInt32(),
            root.GetProperty("method").GetString()!,
            NumericsWords.Parse(root.GetProperty("numerics").GetString()!),
            [.. root.GetProperty("inputs").EnumerateArray().Select(ReadInput)],
            root.GetProperty("side_files").GetString(),
            [.. root.GetProperty("files").EnumerateArray().Select(ReadFile)],
            root.TryGetProperty("variants", out JsonElement variants) ? variants.GetInt32() : 1,
            root.TryGetProperty("seed", out JsonElement seed) ? seed.GetInt64() : 0,
            root.TryGetProperty("aligned_inputs", out JsonElement alignedInputs) ? alignedInputs.GetInt32() : null,
            readFrom);
    }

    private static void WriteInput(Utf8JsonWriter json, PlanInput input)
    {
        json.WriteStartObject();
        json.WriteString("path", input.Path);
        json.WriteNumber("bytes", input.ByteLength);
        json.WriteNumber("modified_ns", input.ModifiedUnixNanoseconds);
        json.WriteString("header_sha256", input.HeaderDigest);
        json.WriteEndObject();
    }

    private static PlanInput ReadInput(JsonElement json) => new(
        json.GetProperty("path").GetString()!,
        json.GetProperty("bytes").GetInt64(),
        json.GetProperty("modified_ns").GetInt64(),
        json.GetProperty("header_sha256").GetString()!);

    private static void WriteFile(Utf8JsonWriter json, PlannedFile file)
    {
        json.WriteStartObject();
        json.WriteString("name", file.Name);
        json.WriteStartArray("tensors");
        foreach (PlannedTensor tensor in file.Tensors)
        {
            WriteTensor(json, tensor);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteTensor(Utf8JsonWriter json, PlannedTensor tensor)
    {
        json.WriteStartArray();
        json.WriteStringValue(tensor.Entry.Name);
        json.WriteStringValue(tensor.Entry.Dtype.Name());
        json.WriteStartArray();
        foreach (long extent in tensor.Entry.Shape)
        {
            json.WriteNumberValue(extent);
        }

        json.WriteEndArray();
        json.WriteNumberValue((int)tensor.Rule);
        json.WriteNumberValue(ExpoMethod.AlphaOf(tensor.Parameters));
        WriteSource(json, tensor.Sources[0]);
        if (tensor.Sources.Length == 1)
        {
            json.WriteNullValue();
        }
        else
        {
            WriteSource(json, tensor.Sources[1]);
        }

        if (tensor.MergedElements is { } count)
        {
            json.WriteNumberValue(count);
        }

        json.WriteEndArray();
    }

    private static void WriteSource(Utf8JsonWriter json, TensorSource source)
    {
        json.WriteStartArray();
        json.WriteNumberValue(source.Input);
        json.WriteNumberValue(source.Offset);
        json.WriteStringValue(source.Dtype.Name());
        if (source.IsStrided)
        {
            json.WriteStartArray();
            foreach (long stride in source.Strides)
            {
                json.WriteNumberValue(stride);
            }

            json.WriteEndArray();
        }

        json.WriteEndArray();
    }

    private static PlannedFile ReadFile(JsonElement json)
    {
        var tensors = ImmutableArray.CreateBuilder<PlannedTensor>(json.GetProperty("tensors").GetArrayLength());
        long end = 0;
        foreach (JsonElement tensor in json.GetProperty("tensors").EnumerateArray())
        {
            tensors.Add(ReadTensor(tensor, begin: end));
            end = tensors[^1].Entry.End;
        }

        return new PlannedFile(json.GetProperty("name").GetString()!, tensors.MoveToImmutable());
    }

    private static PlannedTensor ReadTensor(JsonElement json, long begin)
    {
        Dtype dtype = ReadDtype(json[1]);
        ImmutableArray<long> shape = [.. json[2].EnumerateArray().Select(extent => extent.GetInt64())];
        var entry = new SafetensorsTensor(json[0].GetString()!, dtype, shape, begin, begin);
        entry = entry with { End = begin + (long)((Int128)entry.ElementCount * dtype.Bits() / 8) };
        TensorSource aligned = ReadSource(json[5]);
        long? elements = json.GetArrayLength() > 7 ? json[7].GetInt64() : null;
        var rule = (TensorRule)json[3].GetInt32();
        return new PlannedTensor(
            entry,
            rule,
            json[6].ValueKind == JsonValueKind.Null ? [aligned] : [aligned, ReadSource(json[6]) with { Elements = elements }],
            rule == TensorRule.Merge ? ExpoMethod.With(json[4].GetDouble()) : null);
    }

    private static TensorSource ReadSource(JsonElement json) =>
        new(json[0].GetInt32(), json[1].GetInt64(), ReadDtype(json[2]))
        {
            Strides = json.GetArrayLength() > 3 ? [.. json[3].EnumerateArray().Select(stride => stride.GetInt64())] : default,
        };

    private static bool IsStrided(Plan plan) =>
        plan.Files.Any(file => file.Tensors.Any(tensor => tensor.Sources.Any(source => source.IsStrided)));

    private static Dtype ReadDtype(JsonElement json) =>
        DtypeFacts.TryParse(json.GetString()!, out Dtype dtype) ? dtype : throw new JsonException($"Unknown dtype {json}.");
}
