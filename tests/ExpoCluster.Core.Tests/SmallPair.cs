using System.Collections.Immutable;
using System.Runtime.InteropServices;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.Core.Tests;

/// <summary>Two tiny checkpoints in a temporary directory of their own, and an output directory beside them.</summary>
public sealed class SmallPair : IDisposable
{
    /// <summary>Two files by default: 70 MB and 9 MB of F32, so that the first has three parts and the second one.</summary>
    public SmallPair(params (string File, string Tensor, long Elements)[] tensors)
    {
        Root = Directory.CreateTempSubdirectory("expocluster-test-").FullName;
        (string, string, long)[] all = tensors.Length > 0
            ? tensors
            : [("model-00001-of-00002.safetensors", "big", 17_500_000), ("model-00002-of-00002.safetensors", "small", 2_250_000)];
        Write(Path.Join(Root, "base"), all, value: 1f);
        Write(Path.Join(Root, "aligned"), all, value: 2f);
    }

    public string Root { get; }

    public string Base => Path.Join(Root, "base");

    public string Aligned => Path.Join(Root, "aligned");

    public OutputPaths Output => OutputPaths.Of(Path.Join(Root, "out"));

    public Recipe Recipe => new() { Base = Base, Aligned = Aligned, Alpha = 0.5, Output = Output.Root };

    /// <summary>Every element of base is 1, of aligned 2, so that with alpha 0.5 every element of the output is 2.5.</summary>
    public PlannedMerge Plan() => Planner.Plan(Recipe);

    public void Dispose() => Directory.Delete(Root, recursive: true);

    private static void Write(string directory, (string File, string Tensor, long Elements)[] tensors, float value)
    {
        Directory.CreateDirectory(directory);
        foreach (var file in tensors.GroupBy(tensor => tensor.File))
        {
            ImmutableArray<SafetensorsTensor> entries = SafetensorsLayout.Arrange(
                file.Select(tensor => (tensor.Tensor, Dtype.F32, ImmutableArray.Create(tensor.Elements))));
            using FileStream stream = File.Create(Path.Join(directory, file.Key));
            stream.Write(SafetensorsHeader.Encode(entries, ImmutableSortedDictionary<string, string>.Empty.Add("format", "pt")));
            float[] values = new float[1 << 16];
            Array.Fill(values, value);
            foreach (SafetensorsTensor entry in entries)
            {
                for (long left = entry.ElementCount; left > 0; left -= values.Length)
                {
                    stream.Write(MemoryMarshal.AsBytes(values.AsSpan(0, (int)Math.Min(left, values.Length))));
                }
            }
        }

        string map = string.Join(", ", tensors.Select(tensor => $"\"{tensor.Tensor}\": \"{tensor.File}\""));
        if (tensors.Any(tensor => tensor.File != "model.safetensors"))
        {
            File.WriteAllText(
                Path.Join(directory, "model.safetensors.index.json"), $"{{\"metadata\": {{\"total_size\": 0}}, \"weight_map\": {{{map}}}}}");
        }

        File.WriteAllText(Path.Join(directory, "config.json"), """{"model_type": "llama", "torch_dtype": "float32"}""");
    }
}
