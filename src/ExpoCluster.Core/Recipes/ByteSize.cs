namespace ExpoCluster.Core.Recipes;

/// <summary>Sizes as people write them: <c>5GB</c> is 5·10⁹ bytes, <c>1GiB</c> is 2³⁰.</summary>
public static class ByteSize
{
    public static bool TryParse(string? text, out long bytes) => throw new NotImplementedException();

    /// <summary>For people: three significant digits in decimal units, for example <c>14.5 GB</c>.</summary>
    public static string Format(long bytes) => throw new NotImplementedException();
}
