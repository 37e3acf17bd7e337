using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;

namespace ExpoCluster.Cluster.Transfers;

/// <summary>What follows from a transfer that did not work.</summary>
/// <param name="Kind">Whether trying again can help.</param>
/// <param name="Reason">For whoever waits for the job.</param>
internal sealed record TransferFailure(ReturnKind Kind, JobReason Reason)
{
    public static TransferFailure Of(Exception exception, HubFile file) => exception switch
    {
        OperationCanceledException => new TransferFailure(ReturnKind.Abandoned, new JobReason("", "", "")),
        HubException { IsOutage: true } outage => Of(ReturnKind.Transient, outage),
        HubException hub => Of(ReturnKind.Input, hub),
        ExpoException storage when storage is StorageException => Of(ReturnKind.Storage, storage),
        ExpoException other => Of(ReturnKind.Fatal, other),
        IOException or UnauthorizedAccessException => Of(ReturnKind.Storage, StorageException.From(exception, file.Name, "put it into the cache")),
        _ => new TransferFailure(
            ReturnKind.Fatal, new JobReason(JobException.EngineStopped, $"{file.Name}: {exception}", "please report this as a bug of ExpoCluster.")),
    };

    private static TransferFailure Of(ReturnKind kind, ExpoException exception) =>
        new(kind, new JobReason(exception.Code, exception.Message, exception.Advice));
}
