using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.Core.Tests;

/// <summary>
/// PyTorch's merge of the MNIST pair extrapolates the statistics of its batch normalisations too, and three of the variances come out below zero. A merge takes
/// them from aligned; everything else is as PyTorch computed it.
/// </summary>
public static class GoldenStatistics
{
    /// <summary>The bytes of PyTorch's merge, with aligned's statistics in it.</summary>
    public static byte[] Of(string golden, string aligned)
    {
        byte[] expected = File.ReadAllBytes(golden);
        byte[] other = File.ReadAllBytes(aligned);
        SafetensorsHeader header = SafetensorsHeader.ReadFrom(golden);
        SafetensorsHeader source = SafetensorsHeader.ReadFrom(aligned);
        foreach (SafetensorsTensor tensor in header.Tensors.Where(tensor => tensor.Name.EndsWith(".running_mean", StringComparison.Ordinal) || tensor.Name.EndsWith(".running_var", StringComparison.Ordinal)))
        {
            SafetensorsTensor taken = source.Tensors.Single(candidate => candidate.Name == tensor.Name);
            other.AsSpan((int)(source.DataStart + taken.Begin), (int)taken.ByteCount).CopyTo(expected.AsSpan((int)(header.DataStart + tensor.Begin)));
        }

        return expected;
    }
}
