namespace ExpoCluster.Tensors.Torch;

/// <summary>The stack and the memo of the pickle machine, both bounded.</summary>
internal sealed class PickleStack(PickleCursor cursor)
{
    /// <summary>Levels of nesting; a state dict needs four.</summary>
    internal const int DeepestNesting = 128;

    /// <summary>All values that a pickle makes: enough for 250,000 tensors.</summary>
    private const int MaxValues = 4_000_000;

    private const int MaxHeight = 1_000_000;

    private readonly List<PickleValue> values = [];
    private readonly Stack<int> marks = [];
    private readonly List<PickleValue> memo = [];
    private int made;

    public bool HoldsOneValue => values.Count == 1 && marks.Count == 0;

    /// <summary>Adds a value that was just made.</summary>
    public void Make(PickleValue value)
    {
        if (++made > MaxValues)
        {
            throw cursor.Broken(TorchRules.PickleIsFrugal, $"at most {MaxValues} values", "more");
        }

        RequireShallow(value);
        Push(value);
    }

    public void Push(PickleValue value)
    {
        if (values.Count == MaxHeight)
        {
            throw cursor.Broken(TorchRules.PickleIsFrugal, $"at most {MaxHeight} values waiting", "more");
        }

        values.Add(value);
    }

    public void Mark()
    {
        if (marks.Count == DeepestNesting)
        {
            throw TooDeep();
        }

        marks.Push(values.Count);
    }

    public PickleValue Peek()
    {
        RequireValues(1);
        return values[^1];
    }

    public PickleValue Pop()
    {
        RequireValues(1);
        PickleValue value = values[^1];
        values.RemoveAt(values.Count - 1);
        return value;
    }

    public PickleValue[] Pop(int count)
    {
        RequireValues(count);
        return TakeFrom(values.Count - count);
    }

    public PickleValue[] PopToMark() => marks.TryPop(out int mark)
        ? TakeFrom(mark)
        : throw cursor.Broken(TorchRules.PickleIsWellFormed, "a mark", "none");

    public void RequireShallow(PickleValue value)
    {
        if (value.Depth > DeepestNesting)
        {
            throw TooDeep();
        }
    }

    /// <summary>Python's picklers count memo entries from 0 without a gap, so a larger number is no honest one.</summary>
    public void Remember(uint index)
    {
        PickleValue value = Peek();
        if (index > memo.Count)
        {
            throw cursor.Broken(TorchRules.PickleIsWellFormed, $"memo entry {memo.Count}", $"{index}");
        }

        if (index == memo.Count)
        {
            memo.Add(value);
        }
        else
        {
            memo[(int)index] = value;
        }
    }

    public void Remember() => Remember((uint)memo.Count);

    public void Recall(uint index) => Push(index < memo.Count
        ? memo[(int)index]
        : throw cursor.Broken(TorchRules.PickleIsWellFormed, $"one of {memo.Count} memo entries", $"{index}"));

    private PickleValue[] TakeFrom(int start)
    {
        PickleValue[] taken = values.GetRange(start, values.Count - start).ToArray();
        values.RemoveRange(start, taken.Length);
        return taken;
    }

    // What lies below a mark belongs to a container that is still open.
    private void RequireValues(int count)
    {
        int available = values.Count - (marks.TryPeek(out int mark) ? mark : 0);
        if (available < count)
        {
            throw cursor.Broken(TorchRules.PickleIsWellFormed, $"{count} values on the stack", $"{available}");
        }
    }

    private TensorFileException TooDeep() =>
        cursor.Broken(TorchRules.PickleIsShallow, $"at most {DeepestNesting} levels", "more");
}
