using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace ExpoCluster.Tensors.Safetensors;

/// <summary>Writes headers byte for byte as the format's own library does (serde_json without spaces).</summary>
internal sealed class SafetensorsHeaderEncoder
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private static readonly SearchValues<char> Escaped = SearchValues.Create(
        "\"\\\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\u0008\u0009\u000A\u000B\u000C\u000D\u000E\u000F" +
        "\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001A\u001B\u001C\u001D\u001E\u001F");

    private readonly ArrayBufferWriter<byte> header = new();
    private readonly HashSet<string> names = new(StringComparer.Ordinal);

    public byte[] Encode(IReadOnlyList<SafetensorsTensor> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        header.Write(stackalloc byte[SafetensorsHeader.LengthFieldBytes]);
        Write("{");
        string separator = WriteMetadata(metadata);
        foreach (SafetensorsTensor tensor in tensors)
        {
            Write(separator);
            WriteTensor(tensor);
            separator = ",";
        }

        Write("}");
        Write(new string(' ', -header.WrittenCount & 7));

        byte[] bytes = header.WrittenSpan.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(bytes, bytes.Length - SafetensorsHeader.LengthFieldBytes);
        return bytes;
    }

    /// <returns>What has to stand between the metadata and the first tensor.</returns>
    private string WriteMetadata(IReadOnlyDictionary<string, string> metadata)
    {
        if (metadata.Count == 0)
        {
            return "";
        }

        string separator = $"\"{SafetensorsHeaderParser.MetadataName}\":{{";
        foreach ((string key, string value) in metadata.OrderBy(entry => entry.Key, Utf8Order.Instance))
        {
            Write(separator);
            WriteText(key, SafetensorsHeaderParser.MetadataName);
            Write(":");
            WriteText(value, SafetensorsHeaderParser.MetadataName);
            separator = ",";
        }

        Write("}");
        return ",";
    }

    private void WriteTensor(SafetensorsTensor tensor)
    {
        RequireFreeName(tensor.Name);
        WriteText(tensor.Name, tensor.Name);
        Write($":{{\"dtype\":\"{Dtypes.DtypeFacts.Name(tensor.Dtype)}\",\"shape\":[");
        Write(string.Join(',', tensor.Shape));
        Write(string.Create(CultureInfo.InvariantCulture, $"],\"data_offsets\":[{tensor.Begin},{tensor.End}]}}"));
    }

    private void RequireFreeName(string name)
    {
        if (name == SafetensorsHeaderParser.MetadataName)
        {
            throw SafetensorsRules.NameIsNotReserved.Broken(SafetensorsLayout.NewFile, name);
        }

        if (!names.Add(name))
        {
            throw SafetensorsRules.KeysAreUnique.Broken(SafetensorsLayout.NewFile, name);
        }
    }

    private void WriteText(string text, string tensor)
    {
        Write("\"");
        ReadOnlySpan<char> rest = text;
        for (int plain; (plain = rest.IndexOfAny(Escaped)) >= 0; rest = rest[(plain + 1)..])
        {
            Write(rest[..plain], tensor);
            Write(Escape(rest[plain]));
        }

        Write(rest, tensor);
        Write("\"");
    }

    private static string Escape(char unit) => unit switch
    {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\b' => "\\b",
        '\f' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        _ => $"\\u{(int)unit:x4}",
    };

    private void Write(ReadOnlySpan<char> text, string? tensor = null)
    {
        try
        {
            RequireRoom(StrictUtf8.GetByteCount(text), tensor);
            StrictUtf8.GetBytes(text, header);
        }
        catch (EncoderFallbackException cause)
        {
            throw SafetensorsRules.TextIsUnicode.Broken(SafetensorsLayout.NewFile, tensor, cause: cause);
        }
    }

    private void RequireRoom(int byteCount, string? tensor)
    {
        long jsonBytes = (long)header.WrittenCount - SafetensorsHeader.LengthFieldBytes + byteCount;
        if (jsonBytes > SafetensorsHeader.MaxJsonBytes)
        {
            throw SafetensorsRules.NewHeaderWithinCap.Broken(
                SafetensorsLayout.NewFile,
                tensor,
                expected: $"at most {SafetensorsHeader.MaxJsonBytes} bytes",
                found: $"at least {jsonBytes} bytes");
        }
    }
}
