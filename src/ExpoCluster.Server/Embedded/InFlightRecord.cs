using System.Collections.Immutable;
using System.Globalization;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Server.Embedded;

/// <summary>Keeps the claim's list of parts under way: those that the coordinator gave out, and those of the head start.</summary>
internal sealed class InFlightRecord(OutputClaim claim, ClaimRecord record)
{
    private readonly Lock gate = new();
    private ImmutableArray<(int File, int Part)> ahead = [];
    private ImmutableArray<(int File, int Part)> leased = [];

    public ImmutableArray<(int File, int Part)> Ahead
    {
        set => Write(() => ahead = value);
    }

    public ImmutableArray<(int File, int Part)> Leased
    {
        set => Write(() => leased = value);
    }

    /// <summary>The farewell: nothing that was under way is suspect.</summary>
    public void Clear()
    {
        try
        {
            Write(() => (ahead, leased) = ([], []));
        }
        catch (StorageException)
        {
            // Then they stay suspect and are run alone once more; how the merge ended matters more.
        }
    }

    private void Write(Action change)
    {
        lock (gate)
        {
            change();
            claim.Write(record with
            {
                InFlight = [.. ahead.Union(leased).Select(part => string.Create(CultureInfo.InvariantCulture, $"{part.File}:{part.Part}"))],
            });
        }
    }
}
