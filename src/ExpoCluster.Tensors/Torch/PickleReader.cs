using System.Numerics;

namespace ExpoCluster.Tensors.Torch;

/// <summary>
/// A pickle machine that knows the instructions and the globals of a state dict and refuses all others by name.
/// </summary>
internal sealed class PickleReader
{
    private readonly PickleCursor cursor;
    private readonly PickleStack stack;

    private PickleReader(PickleCursor cursor)
    {
        this.cursor = cursor;
        stack = new PickleStack(cursor);
    }

    /// <param name="pickle">The content of <c>data.pkl</c>.</param>
    /// <param name="fileOffset">Where in its file it begins, for errors.</param>
    /// <param name="file">For errors.</param>
    /// <exception cref="TensorFileException">The pickle is cut short, malformed, too large, or asks for what is not allowed.</exception>
    public static PickleValue Read(ReadOnlyMemory<byte> pickle, long fileOffset, string file) =>
        new PickleReader(new PickleCursor(pickle, fileOffset, file)).Read();

    private PickleValue Read()
    {
        RequireProtocol();
        while (true)
        {
            var opcode = (PickleOpcode)cursor.TakeOpcode();
            if (opcode == PickleOpcode.Stop)
            {
                return Result();
            }

            Execute(opcode);
        }
    }

    private void RequireProtocol()
    {
        byte first = cursor.TakeOpcode();
        byte version = first == (byte)PickleOpcode.Proto ? cursor.TakeByte() : (byte)0;
        if (version is < 2 or > 5)
        {
            throw cursor.Broken(TorchRules.PickleIsWellFormed, "pickle protocol 2 to 5", $"{version}");
        }
    }

    private PickleValue Result()
    {
        if (!stack.HoldsOneValue || cursor.Remaining > 0)
        {
            throw cursor.Broken(
                TorchRules.PickleIsWellFormed,
                "one value at the end of the pickle",
                $"{cursor.Remaining} bytes behind it, or several values");
        }

        return stack.Pop();
    }

    private void Execute(PickleOpcode opcode)
    {
        switch (opcode)
        {
            case PickleOpcode.Frame:
                _ = RequireFrame(cursor.TakeUInt64());
                break;
            case PickleOpcode.Mark:
                stack.Mark();
                break;
            case PickleOpcode.BinPut:
                stack.Remember(cursor.TakeByte());
                break;
            case PickleOpcode.LongBinPut:
                stack.Remember(cursor.TakeUInt32());
                break;
            case PickleOpcode.Memoize:
                stack.Remember();
                break;
            case PickleOpcode.BinGet:
                stack.Recall(cursor.TakeByte());
                break;
            case PickleOpcode.LongBinGet:
                stack.Recall(cursor.TakeUInt32());
                break;
            case PickleOpcode.Append:
                Append(stack.Pop(1));
                break;
            case PickleOpcode.Appends:
                Append(stack.PopToMark());
                break;
            case PickleOpcode.SetItem:
                SetItems(stack.Pop(2));
                break;
            case PickleOpcode.SetItems:
                SetItems(stack.PopToMark());
                break;
            case PickleOpcode.Build:
                PassOverAttributes();
                break;
            default:
                stack.Make(MakeValue(opcode));
                break;
        }
    }

    private PickleValue MakeValue(PickleOpcode opcode) => opcode switch
    {
        PickleOpcode.None => PickleValue.Plain.None,
        PickleOpcode.NewTrue => PickleValue.Plain.True,
        PickleOpcode.NewFalse => PickleValue.Plain.False,
        PickleOpcode.BinFloat => PassOver(8, PickleValue.Plain.Fraction),
        PickleOpcode.BinInt => new PickleValue.Whole(cursor.TakeInt32()),
        PickleOpcode.BinInt1 => new PickleValue.Whole(cursor.TakeByte()),
        PickleOpcode.BinInt2 => new PickleValue.Whole(cursor.TakeUInt16()),
        PickleOpcode.Long1 => Number(cursor.Take(cursor.TakeByte())),
        PickleOpcode.ShortBinUnicode => new PickleValue.Text(cursor.TakeText(cursor.TakeByte())),
        PickleOpcode.BinUnicode => new PickleValue.Text(cursor.TakeText(cursor.TakeUInt32())),
        PickleOpcode.BinUnicode8 => new PickleValue.Text(cursor.TakeText(cursor.TakeUInt64())),
        PickleOpcode.EmptyTuple => PickleValue.Tuple.Empty,
        PickleOpcode.Tuple1 => new PickleValue.Tuple(stack.Pop(1)),
        PickleOpcode.Tuple2 => new PickleValue.Tuple(stack.Pop(2)),
        PickleOpcode.Tuple3 => new PickleValue.Tuple(stack.Pop(3)),
        PickleOpcode.Tuple => new PickleValue.Tuple(stack.PopToMark()),
        PickleOpcode.EmptyList => new PickleValue.Sequence(),
        PickleOpcode.EmptyDict => new PickleValue.Map(isOrdered: false),
        PickleOpcode.Global => Global(cursor.TakeLine(), cursor.TakeLine()),
        PickleOpcode.StackGlobal => GlobalOnStack(),
        PickleOpcode.BinPersId => PickleCalls.Storage(stack.Pop(), cursor),
        PickleOpcode.Reduce => Reduce(),
        _ => throw cursor.Broken(TorchRules.OpcodeIsAllowed, null, PickleOpcodeNames.Of((byte)opcode)),
    };

    private PickleValue.Plain PassOver(ulong byteCount, PickleValue.Plain value)
    {
        cursor.Take(byteCount);
        return value;
    }

    private ulong RequireFrame(ulong byteCount) => byteCount <= (ulong)cursor.Remaining
        ? byteCount
        : throw cursor.Broken(TorchRules.PickleIsWhole, $"a frame of {byteCount} bytes", $"{cursor.Remaining}");

    private static PickleValue Number(ReadOnlySpan<byte> bytes)
    {
        var number = new BigInteger(bytes);
        return number >= long.MinValue && number <= long.MaxValue
            ? new PickleValue.Whole((long)number)
            : PickleValue.Plain.LargeNumber;
    }

    private PickleValue.Named Global(string module, string name) => PickleGlobal.TryFind(module, name, out PickleGlobal? global)
        ? new PickleValue.Named(global)
        : PickleGlobal.UnreadKind(module, name) is { } kind ? throw cursor.Broken(TorchRules.TensorKindIsRead, "plain dense tensors", $"{kind}, {module}.{name}")
        : throw cursor.Broken(TorchRules.GlobalIsAllowed, null, $"{module}.{name}");

    private PickleValue.Named GlobalOnStack() => stack.Pop(2) is [PickleValue.Text module, PickleValue.Text name]
        ? Global(module.Content, name.Content)
        : throw cursor.Broken(TorchRules.PickleIsWellFormed, "two texts", "other values");

    private PickleValue Reduce() => stack.Pop(2) is [PickleValue.Named callee, PickleValue.Tuple arguments]
        ? PickleCalls.Result(callee.Global, arguments, cursor)
        : throw cursor.Broken(TorchRules.PickleIsWellFormed, "a function and a tuple", "other values");

    private void Append(PickleValue[] items)
    {
        PickleValue.Sequence list = stack.Peek() as PickleValue.Sequence
            ?? throw cursor.Broken(TorchRules.PickleIsWellFormed, "a list to append to", stack.Peek().Kind);
        foreach (PickleValue item in items)
        {
            list.Add(item);
        }

        stack.RequireShallow(list);
    }

    private void SetItems(PickleValue[] items)
    {
        PickleValue.Map map = stack.Peek() as PickleValue.Map
            ?? throw cursor.Broken(TorchRules.PickleIsWellFormed, "a dict to set items of", stack.Peek().Kind);
        if (items.Length % 2 != 0)
        {
            throw cursor.Broken(TorchRules.PickleIsWellFormed, "pairs of key and value", $"{items.Length} values");
        }

        for (int i = 0; i < items.Length; i += 2)
        {
            map.Add(items[i], items[i + 1]);
        }

        stack.RequireShallow(map);
    }

    // PyTorch hangs the versions of modules on a state dict as an attribute. No other object may get any.
    private void PassOverAttributes()
    {
        PickleValue attributes = stack.Pop();
        if (attributes is not PickleValue.Map || stack.Peek() is not PickleValue.Map { IsOrdered: true })
        {
            throw cursor.Broken(TorchRules.OpcodeIsAllowed, "attributes of an OrderedDict", $"BUILD of {stack.Peek().Kind}");
        }
    }
}
