namespace ExpoCluster.Tensors.Tests.Torch;

/// <summary>A file in memory that counts what is read of it.</summary>
internal sealed class MemorySource(byte[] content, bool isRemote = false) : ByteSource
{
    public override string Name => "weights.bin";

    public override long ByteLength => content.Length;

    public override bool IsRemote => isRemote;

    public int Reads { get; private set; }

    public long BytesRead { get; private set; }

    public static WeightsHeader Read(byte[] file)
    {
        using var source = new MemorySource(file);
        return WeightsHeader.ReadFrom(source);
    }

    public static TensorFileException Refusal(byte[] file)
    {
        TensorFileException refusal = Assert.Throws<TensorFileException>(() => Read(file));
        Assert.Equal("weights.bin", refusal.File);
        Assert.NotEmpty(refusal.Advice);
        return refusal;
    }

    public override void ReadExactly(Span<byte> buffer, long offset)
    {
        Reads++;
        BytesRead += buffer.Length;
        content.AsSpan((int)offset, buffer.Length).CopyTo(buffer);
    }

    protected override void Dispose(bool disposing)
    {
    }
}
