namespace ExpoCluster.Tensors.Torch;

/// <summary>Looks for a tensor anywhere in a value, which may hold a part many times over, or itself.</summary>
internal static class TensorSearch
{
    public static bool Finds(PickleValue root)
    {
        var seen = new HashSet<PickleValue>(ReferenceEqualityComparer.Instance);
        var waiting = new Stack<PickleValue>([root]);
        while (waiting.TryPop(out PickleValue? value))
        {
            if (value is PickleValue.Tensor)
            {
                return true;
            }

            if (seen.Add(value))
            {
                PushParts(value, waiting);
            }
        }

        return false;
    }

    private static void PushParts(PickleValue value, Stack<PickleValue> waiting)
    {
        switch (value)
        {
            case PickleValue.Tuple tuple:
                foreach (PickleValue item in tuple.Items)
                {
                    waiting.Push(item);
                }

                break;
            case PickleValue.Sequence list:
                foreach (PickleValue item in list.Items)
                {
                    waiting.Push(item);
                }

                break;
            case PickleValue.Map map:
                foreach ((PickleValue key, PickleValue held) in map.Entries)
                {
                    waiting.Push(key);
                    waiting.Push(held);
                }

                break;
        }
    }
}
