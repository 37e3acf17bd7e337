using System.Globalization;
using System.Text;

namespace ExpoCluster.Core.SideFiles;

/// <summary>Writes <c>model.safetensors.index.json</c>.</summary>
public static class WeightIndex
{
    /// <summary>The bytes that Python's <c>json.dumps(…, indent=2, sort_keys=True) + "\n"</c> gives.</summary>
    public static byte[] Encode(long totalSize, IEnumerable<KeyValuePair<string, string>> weightMap)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{{\n  \"metadata\": {{\n    \"total_size\": {totalSize}\n  }},\n  \"weight_map\": {{");
        string separator = "\n    ";
        foreach ((string tensor, string file) in weightMap.OrderBy(pair => pair.Key, CodePointOrder.Instance))
        {
            text.Append(separator);
            AppendString(text, tensor);
            text.Append(": ");
            AppendString(text, file);
            separator = ",\n    ";
        }

        text.Append(separator == "\n    " ? "}\n}\n" : "\n  }\n}\n");
        return Encoding.ASCII.GetBytes(text.ToString());
    }

    // Python's ensure_ascii: everything beyond printable ASCII as UTF-16 escapes in lower case.
    private static void AppendString(StringBuilder text, string value)
    {
        text.Append('"');
        foreach (char c in value)
        {
            text.Append(c switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                '\b' => "\\b",
                '\f' => "\\f",
                >= ' ' and <= '~' => c.ToString(),
                _ => string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
            });
        }

        text.Append('"');
    }

    /// <summary>Python compares strings by code point, .NET's ordinal order by UTF-16 unit.</summary>
    private sealed class CodePointOrder : IComparer<string>
    {
        public static readonly CodePointOrder Instance = new();

        public int Compare(string? x, string? y) => x!.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') < 0 && y!.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') < 0
            ? string.CompareOrdinal(x, y)
            : Encoding.UTF8.GetBytes(x!).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(y!));
    }
}
