using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Parts;

/// <summary>A piece of an input in memory that a direct read may fill.</summary>
internal sealed class InputBlock
{
    /// <summary>Enough that a disk reads at its full rate, few enough that several stay in cache.</summary>
    public const int ByteCount = 1 << 20;

    private readonly Memory<byte> memory = DirectMemory.Allocate(ByteCount);

    public Span<byte> Bytes => memory.Span;

    /// <summary>Which bytes of which input it holds.</summary>
    public InputSlice Slice { get; set; }

    public bool Holds(int input, long offset) => input == Slice.Input && offset >= Slice.Begin && offset < Slice.End;

    /// <summary>The input's bytes from the offset on, as far as the block has them and no more than so many.</summary>
    public ReadOnlySpan<byte> From(long offset, int count) =>
        memory.Span.Slice((int)(offset - Slice.Begin), (int)Math.Min(count, Slice.End - offset));
}
