using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.SideFiles;

/// <summary>What <c>config.json</c> has to say of an output, beside what aligned's says.</summary>
/// <param name="Dtypes">What was written.</param>
/// <param name="IsUntied">The output stores a head that base did not have.</param>
/// <param name="IsPlain">None of the output's weights are codes with scales.</param>
internal sealed record OutputFacts(WrittenDtypes Dtypes, bool IsUntied = false, bool IsPlain = false);

/// <summary>A changed configuration.</summary>
/// <param name="Content">Its bytes.</param>
/// <param name="Notes">What was changed besides dtypes, one sentence each.</param>
internal sealed record ChangedConfig(byte[] Content, ImmutableArray<string> Notes);

/// <summary>Changes to <c>config.json</c> that leave every other byte alone.</summary>
internal static class ConfigJson
{
    /// <summary>Real ones have one, or one for each of two or three sub-models.</summary>
    private const int MaxRemovals = 16;

    private static readonly string[] DtypeKeys = ["dtype", "torch_dtype"];

    /// <summary>Makes the configuration say what the output is.</summary>
    /// <exception cref="CheckpointException">The text is not a JSON object.</exception>
    internal static ChangedConfig Of(ReadOnlySpan<byte> config, OutputFacts facts)
    {
        ImmutableArray<JsonProperty> all = JsonProperty.AllOf(config);
        var edits = new List<JsonEdit>();
        var notes = ImmutableArray.CreateBuilder<string>();
        edits.AddRange(DtypeEdits(all, facts.Dtypes));
        if (facts.IsUntied)
        {
            List<JsonEdit> untied = UntieEdits(config, all);
            edits.AddRange(untied);
            if (untied.Count > 0)
            {
                notes.Add($"{ConfigFacts.FileName}: {TiedHeads.Key} is set to false, for the output stores a head of its own");
            }
        }

        byte[] content = JsonEdit.Apply(config, edits);
        for (int removed = 0; facts.IsPlain && JsonProperty.AllOf(content).FirstOrDefault(property => IsQuantization(property.Path)) is { } quantization; removed++)
        {
            if (removed == MaxRemovals)
            {
                throw CheckpointErrors.ConfigNotJson($"the configuration has {CheckpointNature.QuantisationKey} more than {MaxRemovals} times");
            }

            content = JsonEdit.Apply(content, [Removal(content, quantization)]);
            notes.Add($"{ConfigFacts.FileName}: {string.Join('.', quantization.Path.Select(Printable.Of))} is left out, for the output's weights are plain numbers");
        }

        return new ChangedConfig(content, notes.ToImmutable());
    }

    private static IEnumerable<JsonEdit> DtypeEdits(ImmutableArray<JsonProperty> all, WrittenDtypes dtypes)
    {
        string[] subModels = [.. all.Where(property => property.IsTopLevel && property.Kind == JsonTokenType.StartObject).Select(property => property.Key)];
        foreach (JsonProperty property in all.Where(property => DtypeKeys.Contains(property.Key) && !IsQuantization(property.Path)))
        {
            Dtype? dtype = property.IsTopLevel ? dtypes.Main : dtypes.Of(property.Path, subModels);
            bool isSet = property.IsTopLevel ? property.Kind is JsonTokenType.String or JsonTokenType.Null : TorchDtype.Parse(property.Text) is { } stated && stated != dtype;
            if (isSet && dtype is { } written)
            {
                string prefix = !property.IsTopLevel && property.Text!.StartsWith(TorchDtype.Prefix, StringComparison.Ordinal) ? TorchDtype.Prefix : "";
                yield return new JsonEdit(property.ValueBegin, property.ValueEnd, $"\"{prefix}{TorchDtype.Name(written)}\"");
            }
        }
    }

    // A loader that finds no such key ties by its own default, which is true for many models.
    private static List<JsonEdit> UntieEdits(ReadOnlySpan<byte> config, ImmutableArray<JsonProperty> all)
    {
        var edits = new List<JsonEdit>(
            all.Where(property => (property.Key == TiedHeads.Key && property.Kind is JsonTokenType.True or JsonTokenType.Null)
                    || (TiedHeads.OtherKeys.Contains(property.Key) && property.Kind == JsonTokenType.True))
                .Select(property => new JsonEdit(property.ValueBegin, property.ValueEnd, "false")));
        if (!all.Any(property => property.IsTopLevel && property.Key == TiedHeads.Key))
        {
            edits.Add(Insertion(config, config.IndexOf((byte)'{') + 1));
        }

        foreach (JsonProperty model in all)
        {
            bool lacks = model is { IsTopLevel: true, Kind: JsonTokenType.StartObject } && ConfigFacts.LanguageModels.Contains(model.Key)
                && !all.Any(property => property.Key == TiedHeads.Key && property.Path.Length == 2 && property.Path[0] == model.Key);
            if (lacks)
            {
                edits.Add(Insertion(config, model.ValueBegin + 1));
            }
        }

        return edits;
    }

    // With the white space that the first key has.
    private static JsonEdit Insertion(ReadOnlySpan<byte> config, int behindBrace)
    {
        int next = behindBrace + config[behindBrace..].IndexOfAnyExcept(" \t\r\n"u8);
        string space = Encoding.UTF8.GetString(config[behindBrace..next]);
        return config[next] == (byte)'}'
            ? new JsonEdit(behindBrace, behindBrace, $"\"{TiedHeads.Key}\": false")
            : new JsonEdit(next, next, $"\"{TiedHeads.Key}\": false,{space}");
    }

    // With the comma behind it, or the one before it where it is the last.
    private static JsonEdit Removal(ReadOnlySpan<byte> config, JsonProperty removed)
    {
        int behind = removed.ValueEnd + config[removed.ValueEnd..].IndexOfAnyExcept(" \t\r\n"u8);
        if (config[behind] == (byte)',')
        {
            int next = behind + 1 + config[(behind + 1)..].IndexOfAnyExcept(" \t\r\n"u8);
            return new JsonEdit(removed.KeyBegin, next, "");
        }

        int before = config[..removed.KeyBegin].LastIndexOfAnyExcept(" \t\r\n"u8);
        return config[before] == (byte)','
            ? new JsonEdit(before, removed.ValueEnd, "")
            : new JsonEdit(removed.KeyBegin, removed.ValueEnd, "");
    }

    private static bool IsQuantization(ImmutableArray<string> path) => path.Any(key => CheckpointNature.QuantisationKeys.Contains(key));
}
