using System.Collections.Frozen;
using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Serialization;
using ExpoCluster.Cluster.Protocol;
using Google.Protobuf;

namespace ExpoCluster.Cluster.Serialization;

/// <summary>Every message between actors, as Protobuf under a short manifest that never changes its meaning.</summary>
public sealed class ProtocolSerializer(ExtendedActorSystem system) : SerializerWithStringManifest(system)
{
    /// <summary>Frozen: it stands in every remote message.</summary>
    public const int FixedIdentifier = 73_101;

    private static readonly (string Manifest, MessageParser Parser, Type Type)[] Known =
    [
        ("c1", SubmitJob.Parser, typeof(SubmitJob)),
        ("c2", ResumeJob.Parser, typeof(ResumeJob)),
        ("c3", JobAccepted.Parser, typeof(JobAccepted)),
        ("c4", JobRejected.Parser, typeof(JobRejected)),
        ("c5", CancelJob.Parser, typeof(CancelJob)),
        ("c6", DrainJob.Parser, typeof(DrainJob)),
        ("c7", JobDrained.Parser, typeof(JobDrained)),
        ("c8", WatchJob.Parser, typeof(WatchJob)),
        ("c9", JobProgress.Parser, typeof(JobProgress)),
        ("c10", RequestParts.Parser, typeof(RequestParts)),
        ("c11", RenewLeases.Parser, typeof(RenewLeases)),
        ("c12", PartReturned.Parser, typeof(PartReturned)),
        ("c13", DescribeFile.Parser, typeof(DescribeFile)),
        ("c14", StagingReported.Parser, typeof(StagingReported)),
        ("c15", StagingRefused.Parser, typeof(StagingRefused)),
        ("c16", PartsReported.Parser, typeof(PartsReported)),
        ("c17", ShardSealed.Parser, typeof(ShardSealed)),
        ("c18", SealRefused.Parser, typeof(SealRefused)),
        ("c19", RequestTransfers.Parser, typeof(RequestTransfers)),
        ("c20", RenewTransfers.Parser, typeof(RenewTransfers)),
        ("c21", TransferDone.Parser, typeof(TransferDone)),
        ("c22", TransferReturned.Parser, typeof(TransferReturned)),
        ("c31", LeasesHeld.Parser, typeof(LeasesHeld)),
        ("k1", WorkAvailable.Parser, typeof(WorkAvailable)),
        ("k2", AssignParts.Parser, typeof(AssignParts)),
        ("k3", NoParts.Parser, typeof(NoParts)),
        ("k4", LeasesRenewed.Parser, typeof(LeasesRenewed)),
        ("k5", ReturnAcknowledged.Parser, typeof(ReturnAcknowledged)),
        ("k6", PartAcknowledged.Parser, typeof(PartAcknowledged)),
        ("k7", JobEnded.Parser, typeof(JobEnded)),
        ("k8", TransfersAvailable.Parser, typeof(TransfersAvailable)),
        ("k9", AssignTransfers.Parser, typeof(AssignTransfers)),
        ("k10", NoTransfers.Parser, typeof(NoTransfers)),
        ("k11", TransfersRenewed.Parser, typeof(TransfersRenewed)),
        ("k12", TransferAcknowledged.Parser, typeof(TransferAcknowledged)),
        ("k21", ReportLeases.Parser, typeof(ReportLeases)),
        ("n1", DescribeNode.Parser, typeof(DescribeNode)),
        ("n2", NodeVitals.Parser, typeof(NodeVitals)),
        ("w1", PrepareFile.Parser, typeof(PrepareFile)),
        ("w2", FileDescription.Parser, typeof(FileDescription)),
        ("w3", StagingAcknowledged.Parser, typeof(StagingAcknowledged)),
        ("w4", PartComputed.Parser, typeof(PartComputed)),
        ("w5", PartsAcknowledged.Parser, typeof(PartsAcknowledged)),
        ("w6", SealFile.Parser, typeof(SealFile)),
        ("w7", SealAcknowledged.Parser, typeof(SealAcknowledged)),
        ("w8", FileEnded.Parser, typeof(FileEnded)),
    ];

    private static readonly FrozenDictionary<Type, string> Manifests = Known.ToFrozenDictionary(row => row.Type, row => row.Manifest);

    private static readonly FrozenDictionary<string, MessageParser> Parsers =
        Known.ToFrozenDictionary(row => row.Manifest, row => row.Parser, StringComparer.Ordinal);

    /// <summary>Each of them is bound by name: Akka would else take its own serializer, with .NET type names.</summary>
    public static IEnumerable<Type> MessageTypes => Known.Select(row => row.Type);

    public override int Identifier => FixedIdentifier;

    public override string Manifest(object o) => Manifests.TryGetValue(o.GetType(), out string? manifest)
        ? manifest
        : throw new SerializationException($"{o.GetType().Name} is no message of this protocol.");

    public override byte[] ToBinary(object obj) => ((IMessage)obj).ToByteArray();

    public override object FromBinary(byte[] bytes, string manifest) => Parsers.TryGetValue(manifest, out MessageParser? parser)
        ? parser.ParseFrom(bytes)
        : throw new SerializationException(
            $"Unknown message manifest '{manifest}': it was sent by a newer version of ExpoCluster. Upgrade this node.");
}
