using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace ExpoCluster.Server.Nodes;

/// <summary>One line of a node's log.</summary>
/// <param name="At">When.</param>
/// <param name="Level">debug, info, warning or error.</param>
/// <param name="Source">Who says it.</param>
/// <param name="Message">What.</param>
internal sealed record LogLine(DateTimeOffset At, string Level, string Source, string Message)
{
    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The node's address.</summary>
    public string? Node { get; init; }

    /// <summary>What the message is about: Job, Part, File, Worker …</summary>
    public IReadOnlyDictionary<string, object?> Facts { get; init; } = new Dictionary<string, object?>();

    /// <summary>How often it was held back since it was said last.</summary>
    public int Suppressed { get; init; }

    /// <summary>What makes it the same line again.</summary>
    public string Text => $"{Level} {Source}: {Message}";

    public string ToText()
    {
        string times = Suppressed > 0 ? string.Create(CultureInfo.InvariantCulture, $" [and {Suppressed} times before]") : "";
        return string.Create(CultureInfo.InvariantCulture, $"{At.ToLocalTime():HH:mm:ss.fff} {Text}{times}");
    }

    public string ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, Plain))
        {
            json.WriteStartObject();
            json.WriteString("time", At.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
            json.WriteString("level", Level);
            json.WriteString("source", Source);
            json.WriteString("message", Message);
            if (Node is not null)
            {
                json.WriteString("node", Node);
            }

            foreach ((string name, object? value) in Facts)
            {
                Write(json, JsonNamingPolicy.CamelCase.ConvertName(name), value);
            }

            if (Suppressed > 0)
            {
                json.WriteNumber("repeated", Suppressed);
            }

            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void Write(Utf8JsonWriter json, string name, object? value)
    {
        switch (value)
        {
            case int number:
                json.WriteNumber(name, number);
                break;
            case long number:
                json.WriteNumber(name, number);
                break;
            default:
                json.WriteString(name, Convert.ToString(value, CultureInfo.InvariantCulture));
                break;
        }
    }
}
