namespace ExpoCluster.Server.Reports;

/// <summary>Which of seven shades a figure has, between the smallest and the largest of its map.</summary>
/// <param name="Low">The smallest figure.</param>
/// <param name="High">The largest.</param>
/// <param name="IsLogarithmic">Equal steps are equal factors.</param>
public sealed record HeatScale(double Low, double High, bool IsLogarithmic)
{
    public const int Shades = 7;

    public static HeatScale Of(IEnumerable<double> figures, bool isLogarithmic)
    {
        double[] known = [.. figures.Where(figure => double.IsFinite(figure) && (!isLogarithmic || figure > 0))];
        return known.Length == 0 ? new HeatScale(0, 0, isLogarithmic) : new HeatScale(known.Min(), known.Max(), isLogarithmic);
    }

    /// <summary>0 to 6.</summary>
    public int ShadeOf(double figure)
    {
        double low = Scaled(Low);
        double width = Scaled(High) - low;
        return width > 0 ? Math.Clamp((int)((Scaled(figure) - low) / width * Shades), 0, Shades - 1) : 0;
    }

    private double Scaled(double figure) => IsLogarithmic ? Math.Log10(Math.Max(figure, double.Epsilon)) : figure;
}
