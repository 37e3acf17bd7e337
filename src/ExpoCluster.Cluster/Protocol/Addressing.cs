using System.Globalization;
using Akka.Cluster.Sharding;

namespace ExpoCluster.Cluster.Protocol;

/// <summary>A message to the coordinator of a job.</summary>
public interface ICoordinatorMessage
{
    string Job { get; }
}

/// <summary>A message to the writer of one output file of a job.</summary>
public interface IWriterMessage
{
    string Job { get; }

    int File { get; }
}

/// <summary>Names of the sharded entities, and which message goes to which.</summary>
public static class Addressing
{
    public const string Coordinators = "coordinators";
    public const string Writers = "writers";

    public static string WriterId(string job, int file) => string.Create(CultureInfo.InvariantCulture, $"{job}/{file}");

    /// <summary>The inverse of <see cref="WriterId"/>.</summary>
    public static (string Job, int File) ParseWriterId(string id)
    {
        int slash = id.LastIndexOf('/');
        return (id[..slash], int.Parse(id.AsSpan(slash + 1), CultureInfo.InvariantCulture));
    }

    /// <param name="shards">Akka's shards, over which entities are spread: about ten for each node.</param>
    public static IMessageExtractor CoordinatorExtractor(int shards) => new Extractor(shards, message => (message as ICoordinatorMessage)?.Job);

    /// <param name="shards">Akka's shards, over which entities are spread: about ten for each node.</param>
    public static IMessageExtractor WriterExtractor(int shards) => new Extractor(
        shards, message => message is IWriterMessage to ? WriterId(to.Job, to.File) : null);

    private sealed class Extractor(int shards, Func<object, string?> entityOf) : HashCodeMessageExtractor(shards)
    {
        public override string? EntityId(object message) => entityOf(message);
    }
}

// The generated messages, by who receives them.
public partial class SubmitJob : ICoordinatorMessage;

public partial class ResumeJob : ICoordinatorMessage;

public partial class CancelJob : ICoordinatorMessage;

public partial class DrainJob : ICoordinatorMessage;

public partial class WatchJob : ICoordinatorMessage;

public partial class RequestParts : ICoordinatorMessage;

public partial class LeasesHeld : ICoordinatorMessage;

public partial class RenewLeases : ICoordinatorMessage;

public partial class PartReturned : ICoordinatorMessage;

public partial class RequestTransfers : ICoordinatorMessage;

public partial class RenewTransfers : ICoordinatorMessage;

public partial class TransferDone : ICoordinatorMessage;

public partial class TransferReturned : ICoordinatorMessage;

public partial class DescribeFile : ICoordinatorMessage;

public partial class StagingReported : ICoordinatorMessage;

public partial class StagingRefused : ICoordinatorMessage;

public partial class PartsReported : ICoordinatorMessage;

public partial class ShardSealed : ICoordinatorMessage;

public partial class SealRefused : ICoordinatorMessage;

public partial class PrepareFile : IWriterMessage;

public partial class FileDescription : IWriterMessage;

public partial class StagingAcknowledged : IWriterMessage;

public partial class PartComputed : IWriterMessage;

public partial class PartsAcknowledged : IWriterMessage;

public partial class SealFile : IWriterMessage;

public partial class SealAcknowledged : IWriterMessage;

public partial class FileEnded : IWriterMessage;
