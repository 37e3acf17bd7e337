using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Serialization;
using ExpoCluster.Core.Jobs;
using Google.Protobuf;
using Wire = ExpoCluster.Cluster.Protocol.Journal;

namespace ExpoCluster.Cluster.Serialization;

/// <summary>A job's events as Protobuf under manifests that never change their meaning: old journals must replay.</summary>
public sealed class JournalSerializer(ExtendedActorSystem system) : SerializerWithStringManifest(system)
{
    /// <summary>Frozen: it stands in every row of every journal.</summary>
    public const int FixedIdentifier = 73_102;

    public override int Identifier => FixedIdentifier;

    public override string Manifest(object o) => o switch
    {
        JobEvent.Submitted => "j1",
        JobEvent.Planned => "j2",
        JobEvent.CoordinatorStarted => "j3",
        JobEvent.StagingCreated => "j4",
        JobEvent.PartsCommitted => "j5",
        JobEvent.FileSealed => "j6",
        JobEvent.Suspended => "j7",
        JobEvent.Resumed => "j8",
        JobEvent.Publishing => "j9",
        JobEvent.Published => "j10",
        JobEvent.Failed => "j11",
        JobEvent.Cancelled => "j12",
        JobEvent.FilesTransferred => "j13",
        JobEvent.FilesLost => "j14",
        JobEvent.PartsLost => "j15",
        JobEvent.WorkerEngaged => "j21",
        JobEvent.LeasesSettled => "j22",
        _ => throw new SerializationException($"{o.GetType().Name} is no event of a job."),
    };

    public override byte[] ToBinary(object obj) => ToWire((JobEvent)obj).ToByteArray();

    public override object FromBinary(byte[] bytes, string manifest) => manifest switch
    {
        "j1" => From(Wire.Submitted.Parser.ParseFrom(bytes)),
        "j2" => From(Wire.Planned.Parser.ParseFrom(bytes)),
        "j3" => From(Wire.CoordinatorStarted.Parser.ParseFrom(bytes)),
        "j4" => From(Wire.StagingCreated.Parser.ParseFrom(bytes)),
        "j5" => From(Wire.PartsCommitted.Parser.ParseFrom(bytes)),
        "j6" => From(Wire.FileSealed.Parser.ParseFrom(bytes)),
        "j7" => From(Wire.Suspended.Parser.ParseFrom(bytes)),
        "j8" => new JobEvent.Resumed(),
        "j9" => new JobEvent.Publishing([.. Wire.Publishing.Parser.ParseFrom(bytes).Names]),
        "j10" => new JobEvent.Published(),
        "j11" => From(Wire.Failed.Parser.ParseFrom(bytes)),
        "j12" => new JobEvent.Cancelled(),
        "j13" => new JobEvent.FilesTransferred([.. Wire.FilesTransferred.Parser.ParseFrom(bytes).Transfers]),
        "j14" => new JobEvent.FilesLost([.. Wire.FilesLost.Parser.ParseFrom(bytes).Transfers]),
        "j15" => From(Wire.PartsLost.Parser.ParseFrom(bytes)),
        "j21" => new JobEvent.WorkerEngaged(Wire.WorkerEngaged.Parser.ParseFrom(bytes).Worker),
        "j22" => new JobEvent.LeasesSettled(),
        _ => throw new SerializationException(
            $"Unknown event manifest '{manifest}': the journal was written by a newer version of ExpoCluster. Upgrade this node."),
    };

    private static IMessage ToWire(JobEvent journalled) => journalled switch
    {
        JobEvent.Submitted e => new Wire.Submitted
        {
            Job = e.Job, RecipeJson = e.RecipeJson, Output = e.Output, Overwrite = e.Overwrite, AtUnixMs = e.At.ToUnixTimeMilliseconds(),
            SubmittedBy = e.SubmittedBy ?? "",
            TraceParent = e.TraceParent ?? "",
        },
        JobEvent.Planned e => ToWire(e),
        JobEvent.CoordinatorStarted e => new Wire.CoordinatorStarted { Incarnation = e.Incarnation, NamesWorkers = e.NamesWorkers },
        JobEvent.WorkerEngaged e => new Wire.WorkerEngaged { Worker = e.Worker },
        JobEvent.LeasesSettled => new Wire.LeasesSettled(),
        JobEvent.StagingCreated e => new Wire.StagingCreated { File = e.File, Generation = e.Generation },
        JobEvent.PartsCommitted e => ToWire(e),
        JobEvent.FileSealed e => new Wire.FileSealed { File = e.File, Generation = e.Generation, Digest = e.Digest },
        JobEvent.Suspended e => new Wire.Suspended { Code = e.Code, Reason = e.Reason, Advice = e.Advice },
        JobEvent.Resumed => new Wire.Resumed(),
        JobEvent.Publishing e => new Wire.Publishing { Names = { e.Names } },
        JobEvent.Published => new Wire.Published(),
        JobEvent.Failed e => new Wire.Failed { Code = e.Code, Reason = e.Reason, Advice = e.Advice },
        JobEvent.Cancelled => new Wire.Cancelled(),
        JobEvent.FilesTransferred e => new Wire.FilesTransferred { Transfers = { e.Transfers } },
        JobEvent.FilesLost e => new Wire.FilesLost { Transfers = { e.Transfers } },
        JobEvent.PartsLost e => new Wire.PartsLost { File = e.File, Generation = e.Generation, Parts = { e.Parts } },
        _ => throw new SerializationException($"{journalled.GetType().Name} is no event of a job."),
    };

    private static Wire.Planned ToWire(JobEvent.Planned planned) => new()
    {
        PlanDigest = planned.PlanDigest,
        NumericsVersion = planned.NumericsVersion,
        PartBytes = planned.PartBytes,
        Variants = planned.Variants > 1 ? planned.Variants : 0,
        Files = { planned.Files.Select(file => new Wire.PlannedFile { Name = file.Name, ByteLength = file.ByteLength }) },
        Transfers =
        {
            planned.Transfers.Select(transfer => new Wire.PlannedTransfer
            {
                Name = transfer.Name, ByteLength = transfer.ByteLength, GitOid = transfer.GitOid, Sha256 = transfer.Sha256 ?? "", WasThere = transfer.WasThere,
            }),
        },
        PinnedRecipeJson = planned.PinnedRecipeJson ?? "",
        SideFiles = planned.SideFiles is { } beside
            ? new Wire.PlannedSideFiles { ListDigest = beside.ListDigest, Count = beside.Count, ByteLength = beside.ByteLength }
            : null,
    };

    private static Wire.PartsCommitted ToWire(JobEvent.PartsCommitted committed) => new()
    {
        File = committed.File,
        Generation = committed.Generation,
        Parts =
        {
            committed.Parts.Select(part => new Wire.CommittedPart
            {
                Part = part.Part, BlockDigests = UnsafeByteOperations.UnsafeWrap(part.BlockDigests), Statistics = UnsafeByteOperations.UnsafeWrap(part.Statistics),
            }),
        },
    };

    private static JobEvent.Submitted From(Wire.Submitted wire) => new(
        wire.Job, wire.RecipeJson, wire.Output, wire.Overwrite, DateTimeOffset.FromUnixTimeMilliseconds(wire.AtUnixMs))
    {
        SubmittedBy = wire.SubmittedBy.Length > 0 ? wire.SubmittedBy : null,
        TraceParent = wire.TraceParent.Length > 0 ? wire.TraceParent : null,
    };

    private static JobEvent.Planned From(Wire.Planned wire) => new(
        wire.PlanDigest,
        wire.NumericsVersion,
        wire.PartBytes,
        [.. wire.Files.Select(file => new JobFile(file.Name, file.ByteLength))],
        Math.Max(1, wire.Variants))
    {
        Transfers = [.. wire.Transfers.Select(From)],
        PinnedRecipeJson = wire.PinnedRecipeJson.Length > 0 ? wire.PinnedRecipeJson : null,
        SideFiles = wire.SideFiles is { } beside ? new JobSideFiles(beside.ListDigest, beside.Count, beside.ByteLength) : null,
    };

    private static JobTransfer From(Wire.PlannedTransfer wire) =>
        new(wire.Name, wire.ByteLength, wire.GitOid, wire.Sha256.Length > 0 ? wire.Sha256 : null) { WasThere = wire.WasThere };

    private static JobEvent.StagingCreated From(Wire.StagingCreated wire) => new(wire.File, wire.Generation);

    private static JobEvent.PartsCommitted From(Wire.PartsCommitted wire) => new(
        wire.File, wire.Generation, [.. wire.Parts.Select(part => new CommittedPart(part.Part, part.BlockDigests.Memory, part.Statistics.Memory))]);

    private static JobEvent.PartsLost From(Wire.PartsLost wire) => new(wire.File, wire.Generation, [.. wire.Parts]);

    private static JobEvent.FileSealed From(Wire.FileSealed wire) => new(wire.File, wire.Generation, wire.Digest);

    private static JobEvent.CoordinatorStarted From(Wire.CoordinatorStarted wire) => new(wire.Incarnation) { NamesWorkers = wire.NamesWorkers };

    private static JobEvent.Suspended From(Wire.Suspended wire) => new(wire.Code, wire.Reason, wire.Advice);

    private static JobEvent.Failed From(Wire.Failed wire) => new(wire.Code, wire.Reason, wire.Advice);
}
