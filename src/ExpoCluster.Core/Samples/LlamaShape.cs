namespace ExpoCluster.Core.Samples;

/// <summary>The sizes of a Llama with grouped-query attention, four queries to a key.</summary>
internal readonly record struct LlamaShape(long Hidden, long Layers, long Intermediate, long Vocabulary)
{
    private const int HeadSize = 64;
    private const int SmallHeadSize = 16;

    public static LlamaShape ForParameters(long parameters)
    {
        // What no model is small enough for becomes the smallest.
        LlamaShape best = new(4 * SmallHeadSize, Layers: 1, Intermediate: 8, Vocabulary: 64);
        double bestDistance = double.MaxValue;
        foreach (long hidden in Candidates())
        {
            long vocabulary = Math.Clamp(parameters / (8 * hidden) / 64 * 64, 64, 32_000);
            long layers = Math.Clamp(hidden / 128, 1, 80);
            long rest = parameters - (2 * vocabulary * hidden) - hidden - (layers * ((5 * hidden * hidden / 2) + (2 * hidden)));
            long intermediate = Math.Max(8, rest / (3 * hidden * layers));
            double distance = Math.Abs(((double)intermediate / hidden) - 3.5);
            if (rest > 0 && distance < bestDistance)
            {
                best = new LlamaShape(hidden, layers, intermediate, vocabulary);
                bestDistance = distance;
            }
        }

        return best;
    }

    private static IEnumerable<long> Candidates()
    {
        for (long hidden = 4 * SmallHeadSize; hidden < 4 * HeadSize; hidden += 4 * SmallHeadSize)
        {
            yield return hidden;
        }

        for (long hidden = 4 * HeadSize; hidden <= 16_384; hidden += 4 * HeadSize)
        {
            yield return hidden;
        }
    }
}
