using System.Text.Json.Nodes;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Tests.Verification;

/// <summary>Whatever a record holds, reading it ends with a record that keeps the rules, or with an error that has a code.</summary>
public sealed class RecordFuzzTests : IDisposable
{
    private static readonly string[] Values =
    [
        "null", "true", "0", "-1", "1e400", "-1e400", "9223372036854775808", "0.5", "\"\"", "\"x\"", "\"\\ud800\"", "\"\\u0000\\u001b[31m\\n\"",
        "[]", "[null]", "[[]]", "{}", "{\"a\":1,\"a\":2}", "[1,2", "NaN", "\"NaN\"", "\"Infinity\"",
        new string('[', 100_000), new string('[', 60) + new string(']', 60), "[" + string.Join(',', Enumerable.Repeat("{}", 100_000)) + "]",
    ];

    private readonly OutputScene scene = new();

    public void Dispose() => scene.Dispose();

    [Fact]
    public void A_record_that_ends_early_is_unreadable_wherever_it_ends()
    {
        string whole = scene.RecordText;
        for (int length = 0; length < whole.Length; length++)
        {
            Assert.Equal("EXPO1301", CodeOf(whole[..length]));
        }
    }

    [Fact]
    public void Each_value_may_be_anything()
    {
        JsonNode record = JsonNode.Parse(scene.RecordText)!;
        foreach (string path in PathsIn(record, ""))
        {
            foreach (string value in Values)
            {
                CheckRead(Replaced(path, value));
            }
        }
    }

    [Fact]
    public void Each_key_may_be_missing_or_stand_there_twice()
    {
        JsonNode record = JsonNode.Parse(scene.RecordText)!;
        foreach (string path in PathsIn(record, "").Where(path => path.Length > 0))
        {
            CheckRead(Replaced(path, value: null));
        }

        foreach (string key in record.AsObject().Select(pair => pair.Key))
        {
            Assert.Equal("EXPO1301", CodeOf(scene.RecordText.TrimEnd()[..^1] + $", \"{key}\": {record[key]!.ToJsonString()}}}"));
        }
    }

    [Fact]
    public void Each_byte_may_be_another()
    {
        byte[] whole = scene.Record.ToJson();
        var random = new Random(20240416);
        for (int round = 0; round < 3000; round++)
        {
            byte[] changed = [.. whole];
            changed[random.Next(whole.Length)] = (byte)random.Next(256);
            changed[random.Next(whole.Length)] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(scene.PathOf("expocluster.json"), changed);
            CheckRead(text: null);
        }
    }

    private string CodeOf(string text)
    {
        scene.Write(text);
        return Assert.ThrowsAny<ExpoException>(() => Provenance.ReadFrom(new OutputPaths(scene.Root))).Code;
    }

    private void CheckRead(string? text)
    {
        if (text is not null)
        {
            scene.Write(text);
        }

        try
        {
            Core.Verification.Verification result = scene.Verify();
            Assert.True(result.Damage.Length > 0 || result.ProvedBytes > 0);
        }
        catch (ExpoException exception)
        {
            Assert.True(exception.Code is "EXPO1301" or "EXPO1303", exception.Message);
            Assert.DoesNotContain(exception.Message, char.IsControl);
        }
    }

    // A place is written as its keys and numbers, each behind a slash.
    private static IEnumerable<string> PathsIn(JsonNode? node, string path) => (node switch
    {
        JsonObject members => members.SelectMany(pair => PathsIn(pair.Value, $"{path}/{pair.Key}")),
        JsonArray elements => elements.SelectMany((element, index) => PathsIn(element, $"{path}/{index}")),
        _ => [],
    }).Prepend(path);

    // The value goes in as text, for much of it is no JSON.
    private string Replaced(string path, string? value)
    {
        const string mark = "\"put it here\"";
        if (path.Length == 0)
        {
            return value ?? "";
        }

        JsonNode record = JsonNode.Parse(scene.RecordText)!;
        string[] steps = path.Split('/')[1..];
        JsonNode holder = steps[..^1].Aggregate(record, (node, step) => node is JsonArray array ? array[int.Parse(step, System.Globalization.CultureInfo.InvariantCulture)]! : node[step]!);
        JsonNode? put = value is null ? null : JsonValue.Create("put it here");
        switch (holder)
        {
            case JsonArray array when put is null:
                array.RemoveAt(int.Parse(steps[^1], System.Globalization.CultureInfo.InvariantCulture));
                break;
            case JsonArray array:
                array[int.Parse(steps[^1], System.Globalization.CultureInfo.InvariantCulture)] = put;
                break;
            case JsonObject members when put is null:
                members.Remove(steps[^1]);
                break;
            default:
                holder[steps[^1]] = put;
                break;
        }

        return record.ToJsonString().Replace(mark, value, StringComparison.Ordinal);
    }
}
