using System.Collections.Immutable;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;

namespace ExpoCluster.Core.Jobs;

/// <summary>Which transfers each part of the common layout reads.</summary>
public sealed class PartNeeds
{
    private readonly ImmutableArray<int>[] needs;

    private PartNeeds(ImmutableArray<int>[] needs) => this.needs = needs;

    /// <summary>Follows each part's tensors to the files that they lie in.</summary>
    public static PartNeeds Of(Plan plan, ImmutableArray<JobTransfer> transfers)
    {
        Dictionary<string, int> byName = transfers.Select((transfer, index) => (transfer.Name, index))
            .ToDictionary(row => row.Name, row => row.index, StringComparer.Ordinal);
        int?[] transferOf = [.. plan.Inputs.Select(input => byName.TryGetValue(input.Path, out int index) ? index : (int?)null)];
        var needs = new List<ImmutableArray<int>>();
        foreach (PlannedFile file in plan.Layout)
        {
            for (int part = 0; part < file.PartCount; part++)
            {
                AddOne(needs, InputsOf(file, part).Select(input => transferOf[input]).OfType<int>());
            }
        }

        return new PartNeeds([.. needs]);
    }

    /// <summary>Transfers, in ascending order.</summary>
    /// <param name="part">The part's number among all of the layout, file after file.</param>
    public ImmutableArray<int> Of(int part) => needs[part];

    /// <summary>The first part of the layout that reads the transfer's file; behind all of them for one that none reads.</summary>
    public int FirstPartOf(int transfer)
    {
        int first = Array.FindIndex(needs, of => of.Contains(transfer));
        return first < 0 ? needs.Length : first;
    }

    // Neighbours mostly read the same files, and then share what says so: a large plan has a hundred thousand parts.
    private static void AddOne(List<ImmutableArray<int>> needs, IEnumerable<int> transfers)
    {
        ImmutableArray<int> sorted = [.. transfers.Distinct().Order()];
        needs.Add(needs.Count > 0 && needs[^1].SequenceEqual(sorted) ? needs[^1] : sorted);
    }

    private static IEnumerable<int> InputsOf(PlannedFile file, int part)
    {
        PartRange range = PartGrid.Part(0, part, file.ByteLength);
        long begin = Math.Max(0, range.Begin - file.Header.Length);
        long end = range.End - file.Header.Length;
        for (int index = file.FirstTensorBehind(begin); index < file.Tensors.Length && file.Tensors[index].Entry.Begin < end; index++)
        {
            PlannedTensor tensor = file.Tensors[index];
            foreach (TensorSource source in tensor.Sources)
            {
                yield return source.Input;
            }
        }
    }
}
