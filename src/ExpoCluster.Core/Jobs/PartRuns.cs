namespace ExpoCluster.Core.Jobs;

/// <summary>A set of parts, by their numbers through all files, as the runs without gaps that it consists of.</summary>
/// <remarks>Of forty thousand parts that a few workers take one behind the other few runs are left, whatever the number of parts.</remarks>
internal sealed class PartRuns
{
    // From the first number of a run to the one behind its last.
    private readonly SortedList<int, int> runs = [];

    public int Count { get; private set; }

    public int Min => runs.Keys[0];

    /// <summary>In ascending order.</summary>
    public IEnumerable<int> All => runs.SelectMany(run => Enumerable.Range(run.Key, run.Value - run.Key));

    public bool Contains(int part) => IndexOf(part) >= 0;

    public bool Add(int part)
    {
        if (Contains(part))
        {
            return false;
        }

        int begin = part;
        int end = part + 1;
        if (runs.Remove(end, out int next))
        {
            end = next;
        }

        if (IndexOf(part - 1) is >= 0 and var before)
        {
            begin = runs.Keys[before];
        }

        runs[begin] = end;
        Count++;
        return true;
    }

    public void Clear()
    {
        runs.Clear();
        Count = 0;
    }

    public bool Remove(int part)
    {
        int index = IndexOf(part);
        if (index < 0)
        {
            return false;
        }

        int begin = runs.Keys[index];
        int end = runs.Values[index];
        runs.RemoveAt(index);
        if (begin < part)
        {
            runs.Add(begin, part);
        }

        if (part + 1 < end)
        {
            runs.Add(part + 1, end);
        }

        Count--;
        return true;
    }

    /// <summary>Where somebody who comes new reads longest before he meets others: at the beginning of a run, or in the middle of one that is being read.</summary>
    /// <param name="isBeingRead">Somebody goes on at the beginning of the run that begins there.</param>
    public int FindStart(Func<int, bool> isBeingRead)
    {
        int start = Min;
        int longest = -1;
        foreach ((int begin, int end) in runs)
        {
            int from = isBeingRead(begin) ? Math.Min(begin + ((end - begin + 1) / 2), end - 1) : begin;
            int length = from == begin && isBeingRead(begin) ? 0 : end - from;
            if (length > longest)
            {
                (start, longest) = (from, length);
            }
        }

        return start;
    }

    // The run that has it, by binary search.
    private int IndexOf(int part)
    {
        int low = 0;
        int high = runs.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            if (part < runs.Keys[middle])
            {
                high = middle - 1;
            }
            else if (part >= runs.Values[middle])
            {
                low = middle + 1;
            }
            else
            {
                return middle;
            }
        }

        return -1;
    }
}
