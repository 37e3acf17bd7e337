namespace ExpoCluster.Core.SideFiles;

/// <summary>Writes <c>model.safetensors.index.json</c>.</summary>
public static class WeightIndex
{
    /// <summary>The bytes that Python's <c>json.dumps(…, indent=2, sort_keys=True) + "\n"</c> gives.</summary>
    public static byte[] Encode(long totalSize, IEnumerable<KeyValuePair<string, string>> weightMap) =>
        throw new NotImplementedException();
}
