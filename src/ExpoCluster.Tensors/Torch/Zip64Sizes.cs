using System.Buffers.Binary;

namespace ExpoCluster.Tensors.Torch;

/// <summary>The values of the zip64 extra field, which stand in for those that do not fit into 32 bits, one behind the other.</summary>
internal ref struct Zip64Sizes
{
    private readonly long offset;
    private readonly string file;
    private ReadOnlySpan<byte> values;

    /// <param name="extra">All extra fields of an entry.</param>
    /// <param name="offset">Of the entry, for errors.</param>
    /// <param name="file">For errors.</param>
    public Zip64Sizes(ReadOnlySpan<byte> extra, long offset, string file)
    {
        this.offset = offset;
        this.file = file;
        ReadOnlySpan<byte> rest = extra;
        while (rest.Length >= 4)
        {
            int id = BinaryPrimitives.ReadUInt16LittleEndian(rest);
            int length = BinaryPrimitives.ReadUInt16LittleEndian(rest[2..]);
            if (length > rest.Length - 4)
            {
                throw ZipDirectory.Contradiction(file, offset, $"an extra field of {length} bytes", $"{rest.Length - 4} bytes");
            }

            if (id == ZipFormat.Zip64ExtraId)
            {
                RequireFirst();
                values = rest.Slice(4, length);
            }

            rest = rest[(4 + length)..];
        }
    }

    /// <summary>The value of a field of 32 bits, or the one that it says is here.</summary>
    public long Resolve(uint field)
    {
        if (field != ZipFormat.Beyond32)
        {
            return field;
        }

        if (values.Length < sizeof(ulong))
        {
            throw ZipDirectory.Contradiction(file, offset, "a size of 64 bits", "none");
        }

        ulong value = BinaryPrimitives.ReadUInt64LittleEndian(values);
        values = values[sizeof(ulong)..];
        return value <= long.MaxValue
            ? (long)value
            : throw ZipDirectory.Contradiction(file, offset, "a size of at most 63 bits", $"{value}");
    }

    private readonly void RequireFirst()
    {
        if (!values.IsEmpty)
        {
            throw ZipDirectory.Contradiction(file, offset, "one field with sizes of 64 bits", "two");
        }
    }
}
