using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Core.Jobs;

namespace ExpoCluster.Cluster.Transfers;

/// <summary>Transfers as messages carry them.</summary>
public static class TransferFacts
{
    public static PlannedTransferFact Of(JobTransfer transfer) => new()
    {
        Name = transfer.Name,
        ByteLength = transfer.ByteLength,
        GitOid = transfer.GitOid,
        Sha256 = transfer.Sha256 ?? "",
        WasThere = transfer.WasThere,
    };

    public static JobTransfer From(PlannedTransferFact fact) =>
        new(fact.Name, fact.ByteLength, fact.GitOid, fact.Sha256.Length > 0 ? fact.Sha256 : null) { WasThere = fact.WasThere };
}
