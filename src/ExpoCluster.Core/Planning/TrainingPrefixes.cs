using System.Collections.Immutable;
using System.Globalization;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Planning;

/// <summary>What wrappers of training put into names of tensors: it is no part of the model, and no loader of models wants it.</summary>
internal static class TrainingPrefixes
{
    private const string Adapted = "base_model.model.";

    private const int MaxShown = 3;

    // DistributedDataParallel, torch.compile, Lightning with DeepSpeed, PEFT.
    private static readonly ImmutableArray<string> Leading = ["module.", "_orig_mod.", "_forward_module.", Adapted];

    // FSDP, activation checkpointing and torch.compile wrap parts of a model as well.
    private static readonly ImmutableArray<string> Anywhere =
        ["_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.", "_fpw_module."];

    /// <summary>The two without it, if more of their names are equal then.</summary>
    public static (Checkpoint Base, Checkpoint Aligned) Strip(Checkpoint baseCheckpoint, Checkpoint aligned, ImmutableArray<string>.Builder notes)
    {
        Stripped? inBase = Stripped.Of(baseCheckpoint);
        Stripped? inAligned = Stripped.Of(aligned);
        if (inBase is null && inAligned is null)
        {
            return (baseCheckpoint, aligned);
        }

        (Stripped? Base, Stripped? Aligned)[] ways = [(null, null), (inBase, null), (null, inAligned), (inBase, inAligned)];
        // Of equally good ways the first: what need not be taken away stays.
        (Stripped? Base, Stripped? Aligned) best = ways.MaxBy(way => CountEqual(way.Base?.Tensors ?? baseCheckpoint.Tensors, way.Aligned?.Tensors ?? aligned.Tensors));
        if (best.Base is { } strippedBase)
        {
            notes.Add(strippedBase.Note("base", ""));
        }

        if (best.Aligned is { } strippedAligned)
        {
            notes.Add(strippedAligned.Note("aligned", "; the output has the plain names"));
        }
        else if (inAligned is not null && best.Base is null)
        {
            notes.Add($"all names have {inAligned.Words}, which training adds, and the output keeps it; to remove it, add a rename for both base and aligned");
        }

        return (best.Base is { } b ? baseCheckpoint.Renamed(b.Tensors) : baseCheckpoint, best.Aligned is { } a ? aligned.Renamed(a.Tensors) : aligned);
    }

    /// <summary>The name without what training puts there.</summary>
    /// <param name="name">As it stands in the checkpoint.</param>
    /// <param name="isAdapted">The checkpoint has low-rank factors, whose names mean an adapter.</param>
    internal static string Plain(string name, bool isAdapted)
    {
        int begin = 0;
        while (Leading.FirstOrDefault(prefix => name.AsSpan(begin).StartsWith(prefix) && !(isAdapted && prefix == Adapted)) is { } found)
        {
            begin += found.Length;
        }

        string plain = begin == 0 ? name : name[begin..];
        foreach (string wrapper in Anywhere)
        {
            while (plain.StartsWith(wrapper, StringComparison.Ordinal))
            {
                plain = plain[wrapper.Length..];
            }

            plain = plain.Replace("." + wrapper, ".", StringComparison.Ordinal);
        }

        return plain == name || plain.Length == 0 ? name
            // What was behind another prefix may begin with one.
            : Plain(plain, isAdapted);
    }

    private static int CountEqual(IReadOnlyDictionary<string, CheckpointTensor> one, IReadOnlyDictionary<string, CheckpointTensor> other) =>
        one.Keys.Count(other.ContainsKey);

    private sealed record Stripped(Dictionary<string, CheckpointTensor> Tensors, int Count, string Words)
    {
        /// <summary>Null where there is nothing to take away, or two tensors would have one name.</summary>
        public static Stripped? Of(Checkpoint checkpoint)
        {
            bool isAdapted = checkpoint.Tensors.Keys.Any(name => name.Contains("lora_", StringComparison.Ordinal));
            string[] changed = [.. checkpoint.Tensors.Keys.Where(name => Plain(name, isAdapted).Length != name.Length)];
            if (changed.Length == 0 || TensorNaming.Map(checkpoint, name => Plain(name, isAdapted), out _) is not { } tensors)
            {
                return null;
            }

            string[] words = [.. Leading.Concat(Anywhere).Distinct().Where(word => changed.Any(name => name.Contains(word, StringComparison.Ordinal)))];
            return new Stripped(tensors, changed.Length, Printable.SomeQuoted(words, MaxShown));
        }

        public string Note(string side, string more) => string.Create(
            CultureInfo.InvariantCulture,
            $"{Words} left out of the names of {Count} tensor{(Count == 1 ? "" : "s")} of {side}, for training puts it there{more}");
    }
}
