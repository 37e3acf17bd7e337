using System.Collections;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace ExpoCluster.Client;

/// <summary>What a server sent, as the contract's records. JSON of another form is refused, whoever sends it: nothing is null that the contract says is not.</summary>
public static class Answers
{
    /// <summary>The value that the JSON stands for.</summary>
    /// <param name="json">UTF-8.</param>
    /// <param name="type">Of <see cref="ContractJson"/>.</param>
    /// <exception cref="JsonException">It is no JSON, or not of the contract.</exception>
    public static T Read<T>(ReadOnlySpan<byte> json, JsonTypeInfo<T> type)
        where T : class => Checked(JsonSerializer.Deserialize(json, type), type);

    /// <summary>The value itself, when it is of the contract.</summary>
    /// <param name="value">As it was read.</param>
    /// <param name="type">Of <see cref="ContractJson"/>.</param>
    /// <exception cref="JsonException">Something in it is null that must not be.</exception>
    public static T Checked<T>(T? value, JsonTypeInfo<T> type)
        where T : class
    {
        Check(value, type, "$");
        return value!;
    }

    private static void Check(object? value, JsonTypeInfo type, string path)
    {
        switch (value)
        {
            case null:
                throw new JsonException($"{path} is null.");
            case IEnumerable items when type.Kind == JsonTypeInfoKind.Enumerable:
                int index = 0;
                foreach (object? item in items)
                {
                    CheckItem(item, type.Options, $"{path}[{index++}]");
                }

                break;
            default:
                foreach (JsonPropertyInfo property in type.Kind == JsonTypeInfoKind.Object ? type.Properties : [])
                {
                    CheckProperty(value, property, path);
                }

                break;
        }
    }

    private static void CheckItem(object? item, JsonSerializerOptions options, string path)
    {
        if (item is null)
        {
            throw new JsonException($"{path} is null.");
        }

        if (item is not (string or ValueType))
        {
            Check(item, options.GetTypeInfo(item.GetType()), path);
        }
    }

    private static void CheckProperty(object owner, JsonPropertyInfo property, string path)
    {
        object? value = property.Get?.Invoke(owner);
        if (value is null)
        {
            if (property.Get is not null && !property.IsGetNullable && !property.PropertyType.IsValueType)
            {
                throw new JsonException($"{path}.{property.Name} is null.");
            }
        }
        else if (value is not (string or ValueType))
        {
            Check(value, property.Options.GetTypeInfo(property.PropertyType), $"{path}.{property.Name}");
        }
    }
}
