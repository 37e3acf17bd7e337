using System.Collections.Immutable;

namespace ExpoCluster.Tensors.Safetensors;

/// <summary>Checks that the tensors of a file cover its data exactly: no hole, no overlap, nothing behind the last.</summary>
internal static class SafetensorsCoverage
{
    private static readonly Comparer<SafetensorsTensor> ByOffsets = Comparer<SafetensorsTensor>.Create((left, right) =>
        (left.Begin.CompareTo(right.Begin), left.End.CompareTo(right.End)) switch
        {
            (0, 0) => Utf8Order.Instance.Compare(left.Name, right.Name),
            (0, int byEnd) => byEnd,
            (int byBegin, _) => byBegin,
        });

    /// <returns>The tensors in the order of their offsets.</returns>
    public static ImmutableArray<SafetensorsTensor> Check(
        List<SafetensorsTensor> tensors, long dataStart, long fileLength, string file)
    {
        tensors.Sort(ByOffsets);
        long end = 0;
        foreach (SafetensorsTensor tensor in tensors)
        {
            CheckOffsets(tensor, end, dataStart, file);
            CheckSize(tensor, dataStart, file);
            end = tensor.End;
        }

        CheckEnd(end, fileLength - dataStart, dataStart, tensors.LastOrDefault()?.Name, file);
        return [.. tensors];
    }

    private static void CheckOffsets(SafetensorsTensor tensor, long previousEnd, long dataStart, string file)
    {
        TensorFileRule? broken =
            tensor.End < tensor.Begin ? SafetensorsRules.OffsetsAscend
            : tensor.Begin > previousEnd ? SafetensorsRules.DataHasNoHole
            : tensor.Begin < previousEnd ? SafetensorsRules.TensorsAreDisjoint
            : null;
        if (broken is not null)
        {
            throw broken.Broken(
                file,
                tensor.Name,
                InFile(dataStart, tensor.Begin),
                expected: $"data_offsets that begin at {previousEnd}",
                found: $"[{tensor.Begin},{tensor.End}]");
        }
    }

    private static void CheckSize(SafetensorsTensor tensor, long dataStart, string file)
    {
        long size = TensorSize.InBytes(tensor.Dtype, tensor.Shape, tensor.Name, file);
        if (size != tensor.ByteCount)
        {
            throw SafetensorsRules.SizeMatchesOffsets.Broken(
                file, tensor.Name, InFile(dataStart, tensor.Begin), $"{size} bytes", $"{tensor.ByteCount} bytes");
        }
    }

    private static void CheckEnd(long end, long dataLength, long dataStart, string? lastTensor, string file)
    {
        if (end > dataLength)
        {
            throw SafetensorsRules.DataWithinFile.Broken(
                file, lastTensor, expected: $"{end} bytes of data", found: $"{dataLength} bytes");
        }

        if (end < dataLength)
        {
            throw SafetensorsRules.FileEndsWithData.Broken(
                file, offset: dataStart + end, expected: $"{end} bytes of data", found: $"{dataLength} bytes");
        }
    }

    /// <summary>Unknown when a forged offset leaves the range of a file position.</summary>
    private static long? InFile(long dataStart, long begin) => begin <= long.MaxValue - dataStart ? dataStart + begin : null;
}
