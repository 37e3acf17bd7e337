using System.Collections.Immutable;

namespace ExpoCluster.Tensors.Torch;

/// <summary>What a pickle can describe here. The set is closed: nothing of it is ever constructed or called in earnest.</summary>
/// <remarks>Compared by reference, for values may hold each other many times over, or themselves.</remarks>
internal abstract class PickleValue
{
    private PickleValue()
    {
    }

    /// <summary>How errors call it.</summary>
    public abstract string Kind { get; }

    /// <summary>Levels of nesting when it was last added to; 0 for what holds nothing.</summary>
    public virtual int Depth => 0;

    /// <summary>None, a truth value, a fraction or a very large number: nothing that a tensor is made of.</summary>
    public sealed class Plain(string kind) : PickleValue
    {
        public static readonly Plain None = new("None");
        public static readonly Plain True = new("True");
        public static readonly Plain False = new("False");
        public static readonly Plain Fraction = new("a float");
        public static readonly Plain LargeNumber = new("a number beyond 64 bits");

        public override string Kind => kind;
    }

    public sealed class Whole(long number) : PickleValue
    {
        public long Number => number;

        public override string Kind => "a number";
    }

    public sealed class Text(string content) : PickleValue
    {
        public string Content => content;

        public override string Kind => "a text";
    }

    /// <summary>A function or class of the allow-list.</summary>
    public sealed class Named(PickleGlobal global) : PickleValue
    {
        public PickleGlobal Global => global;

        public override string Kind => global.Name;
    }

    public sealed class Tuple(PickleValue[] items) : PickleValue
    {
        public static readonly Tuple Empty = new([]);

        public ReadOnlySpan<PickleValue> Items => items;

        public override string Kind => "a tuple";

        public override int Depth { get; } = items.Length == 0 ? 0 : 1 + items.Max(item => item.Depth);
    }

    public sealed class Sequence : PickleValue
    {
        private readonly List<PickleValue> items = [];
        private int depth;

        public IReadOnlyList<PickleValue> Items => items;

        public override string Kind => "a list";

        public override int Depth => depth;

        public void Add(PickleValue item)
        {
            items.Add(item);
            depth = Math.Max(depth, 1 + item.Depth);
        }
    }

    /// <param name="isOrdered">An OrderedDict, which may carry attributes, instead of a plain dict.</param>
    public sealed class Map(bool isOrdered) : PickleValue
    {
        private readonly List<(PickleValue Key, PickleValue Value)> entries = [];
        private int depth;

        public bool IsOrdered => isOrdered;

        /// <summary>In the order in which they were added; a key may stand there twice.</summary>
        public IReadOnlyList<(PickleValue Key, PickleValue Value)> Entries => entries;

        public override string Kind => "a dict";

        public override int Depth => depth;

        public void Add(PickleValue key, PickleValue value)
        {
            entries.Add((key, value));
            depth = Math.Max(depth, 1 + Math.Max(key.Depth, value.Depth));
        }
    }

    /// <summary>A run of elements in an entry of the archive, which tensors are views of.</summary>
    /// <param name="type">Of the elements; null where they are bytes, whose meaning the tensors tell.</param>
    /// <param name="key">The name of the entry under <c>data/</c>.</param>
    /// <param name="elementCount">Elements, or bytes.</param>
    public sealed class Storage(ElementType? type, string key, long elementCount) : PickleValue
    {
        public ElementType? Type => type;

        public string Key => key;

        public long ElementCount => elementCount;

        public override string Kind => "a storage";
    }

    /// <summary>A view of a storage: first element, extents and strides, all in elements.</summary>
    public sealed class Tensor(Storage storage, ElementType type, long first, ImmutableArray<long> shape, ImmutableArray<long> strides) : PickleValue
    {
        public ElementType Type => type;

        public Storage Source => storage;

        public long First => first;

        public ImmutableArray<long> Shape => shape;

        public ImmutableArray<long> Strides => strides;

        public override string Kind => "a tensor";
    }
}
