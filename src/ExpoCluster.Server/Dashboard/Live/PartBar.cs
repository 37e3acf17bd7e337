using System.Collections.Immutable;

namespace ExpoCluster.Server.Dashboard.Live;

/// <summary>How far a part is.</summary>
public enum PartStage
{
    Open,

    /// <summary>A worker has it.</summary>
    Assigned,

    /// <summary>All of it is written; it becomes durable and is journalled.</summary>
    Computed,

    Committed,
}

/// <summary>So many parts in a row of one stage.</summary>
public readonly record struct PartStretch(PartStage Stage, int Parts);

/// <summary>The parts of one file, as a bar that never has more than so many stretches.</summary>
/// <param name="Stretches">From the first part to the last.</param>
public sealed record PartBar(ImmutableArray<PartStretch> Stretches)
{
    /// <summary>A bar is some hundred pixels wide.</summary>
    public const int MaxCells = 160;

    /// <param name="stages">One for each part.</param>
    public static PartBar Of(IReadOnlyList<PartStage> stages)
    {
        int perCell = Math.Max(1, (stages.Count + MaxCells - 1) / MaxCells);
        var stretches = ImmutableArray.CreateBuilder<PartStretch>();
        for (int start = 0; start < stages.Count; start += perCell)
        {
            int count = Math.Min(perCell, stages.Count - start);
            PartStage stage = StageOf(stages, start, count);
            if (stretches.Count > 0 && stretches[^1].Stage == stage)
            {
                stretches[^1] = new PartStretch(stage, stretches[^1].Parts + count);
            }
            else
            {
                stretches.Add(new PartStretch(stage, count));
            }
        }

        return new PartBar(stretches.ToImmutable());
    }

    /// <summary>Of a file of which only the numbers are known, as when its job has ended.</summary>
    public static PartBar Of(int parts, int committed) => new(
    [
        .. new PartStretch[] { new(PartStage.Committed, committed), new(PartStage.Open, parts - committed) }.Where(stretch => stretch.Parts > 0),
    ]);

    // What is under way is seldom and shows; a cell is committed when all of it is.
    private static PartStage StageOf(IReadOnlyList<PartStage> stages, int start, int count)
    {
        int[] counts = new int[4];
        for (int part = start; part < start + count; part++)
        {
            counts[(int)stages[part]]++;
        }

        return counts[(int)PartStage.Assigned] > 0 ? PartStage.Assigned
            : counts[(int)PartStage.Computed] > 0 ? PartStage.Computed
            : counts[(int)PartStage.Committed] * 2 > count ? PartStage.Committed
            : PartStage.Open;
    }
}
