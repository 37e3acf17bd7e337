using System.Collections.Immutable;
using System.Globalization;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Samples;

/// <summary>
/// Made-up checkpoints that are laid out as published ones: their names, dtypes, formats, files and oddities, at any width.
/// </summary>
public static class PublishedSample
{
    /// <summary>Writes <c>base</c> and <c>aligned</c> into <paramref name="directory"/>.</summary>
    /// <param name="directory">Created if it is missing.</param>
    /// <param name="pair">Whose layout to take.</param>
    /// <param name="scale">Of the widths; tensors stay in the files that they are in at 1.</param>
    /// <param name="seed">The same seed gives the same bytes.</param>
    /// <param name="bytesWritten">Told how many bytes were written since it was last told, from any thread.</param>
    /// <exception cref="CheckpointException">One of the two directories exists.</exception>
    public static void WritePair(
        string directory, PublishedPair pair, double scale, ulong seed, Action<long>? bytesWritten = null) =>
        SampleCheckpoint.WriteSides(directory, (side, isAligned) => Write(
            side,
            isAligned ? pair.Aligned : pair.Base,
            scale,
            new SampleFileWriter(new SampleValues(seed, isAligned), bytesWritten)));

    /// <summary>
    /// Writes one side at its true size but without its values: holes that read as zeros and take no room. For what reads headers only.
    /// </summary>
    public static void WriteOutline(string directory, PublishedModel model)
    {
        Durability.CreateDirectory(directory);
        Write(directory, model, scale: 1, new SampleFileWriter(values: null, bytesWritten: null));
    }

    private static void Write(string directory, PublishedModel model, double scale, SampleFileWriter writer)
    {
        ImmutableArray<ImmutableArray<int>> split = model.Split();
        ImmutableArray<SampleTensor> tensors = model.Tensors(scale);
        if (model.Formats.HasFlag(WeightsFormats.Safetensors))
        {
            WriteFiles(
                directory, tensors, split, CheckpointLocation.IndexFileName, ShardSplitter.FileName, writer,
                (_, members, _) => new SafetensorsSampleFile(members));
        }

        if (model.Formats.HasFlag(WeightsFormats.Torch))
        {
            WriteFiles(
                directory, tensors, split, CheckpointLocation.TorchIndexFileName, TorchFileName, writer,
                (name, members, isLast) =>
                    new TorchSampleFile(Path.GetFileNameWithoutExtension(name), members, isLast && model.HasOversizedStorage));
        }

        SampleSideFiles.Write(directory, model.Family.Scaled(scale));
        if (model.HasTrainingArguments)
        {
            TrainingArgumentsFile.Write(directory);
        }
    }

    private static void WriteFiles(
        string directory,
        ImmutableArray<SampleTensor> tensors,
        ImmutableArray<ImmutableArray<int>> split,
        string indexName,
        Func<int, int, string> nameOf,
        SampleFileWriter writer,
        Func<string, SampleTensor[], bool, SampleFile> layOut)
    {
        var weightMap = new Dictionary<string, string>(StringComparer.Ordinal);
        for (int index = 0; index < split.Length; index++)
        {
            string name = nameOf(index, split.Length);
            SampleTensor[] members = [.. split[index].Select(member => tensors[member])];
            writer.Write(Path.Join(directory, name), layOut(name, members, index == split.Length - 1));
            foreach (SampleTensor member in members)
            {
                weightMap[member.Name] = name;
            }
        }

        if (split.Length > 1)
        {
            File.WriteAllBytes(Path.Join(directory, indexName), WeightIndex.Encode(tensors.Sum(tensor => tensor.ByteCount), weightMap));
        }
    }

    private static string TorchFileName(int index, int count) => count == 1
        ? CheckpointLocation.TorchFileName
        : string.Create(CultureInfo.InvariantCulture, $"pytorch_model-{index + 1:00000}-of-{count:00000}.bin");
}
