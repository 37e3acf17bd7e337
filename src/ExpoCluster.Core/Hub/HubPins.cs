using System.Text.Json;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Hub;

/// <summary>The commits that a merge began with, kept in its workspace: a branch that moves must not change an interrupted merge.</summary>
public static class HubPins
{
    private const int MaxBytes = 1 << 20;

    /// <summary>Makes the references mean what they meant when the merge that lies unfinished in this output began.</summary>
    public static void Recall(OutputPaths paths, HubSession session)
    {
        foreach ((string reference, HubCommit commit) in Read(paths.HubPins))
        {
            session.Pin(reference, commit);
        }
    }

    public static void Keep(OutputPaths paths, IReadOnlyDictionary<string, HubCommit> pins) => Durability.WriteWhole(
        paths.HubPins, JsonSerializer.SerializeToUtf8Bytes(pins.ToDictionary(pin => pin.Key, pin => pin.Value.Sha), HubPinsJson.Default.DictionaryStringString));

    // What cannot be read pins nothing: the merge is then planned with the branch as it is, and refused if that has moved.
    private static IEnumerable<(string Reference, HubCommit Commit)> Read(string path)
    {
        if (!File.Exists(path))
        {
            return [];
        }

        try
        {
            Dictionary<string, string> pins =
                JsonSerializer.Deserialize(PlainFile.Read(path, MaxBytes), HubPinsJson.Default.DictionaryStringString) ?? [];
            return [.. pins.Where(pin => pin.Value is not null && HubCommit.IsSha(pin.Value)).Select(pin => (pin.Key, new HubCommit(HubReference.Parse(pin.Key).Repository, pin.Value)))];
        }
        catch (Exception exception) when (exception is JsonException or HubException or IOException or UnauthorizedAccessException or StorageException)
        {
            return [];
        }
    }
}
