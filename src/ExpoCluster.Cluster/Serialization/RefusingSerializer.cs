using System.Collections.Immutable;
using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Configuration;
using Akka.Serialization;

namespace ExpoCluster.Cluster.Serialization;

/// <summary>Stands in for a serializer of Akka's that no message or event of ours needs: whatever comes under its number is refused.</summary>
/// <remarks>Some of them make objects of any type that the sender names. Others are merely of no use here.</remarks>
/// <param name="system">The node's actor system.</param>
/// <param name="config">With <c>identifier</c>, the number.</param>
public sealed class RefusingSerializer(ExtendedActorSystem system, Config config) : SerializerWithStringManifest(system)
{
    /// <summary>Whom it stands in for: Akka's name of the serializer, and its number.</summary>
    public static readonly ImmutableArray<(string Name, int Identifier)> Refused =
    [
        // Newtonsoft.Json with type names, which takes everything that nothing else is bound to.
        ("json", 1),
        // Protobuf messages of any type by its name; those of ours have a serializer of their own.
        ("proto", 2),
        // Deployment of actors from another node.
        ("daemon-create", 3),
        ("bytes", 4),
        ("reliable-delivery", 36),
    ];

    public override int Identifier { get; } = config.GetInt("identifier");

    public override string Manifest(object o) => "";

    public override byte[] ToBinary(object obj) => throw new SerializationException(
        $"{obj.GetType().FullName} is neither a message of this protocol nor an event of a job, and nothing else is sent or journalled.");

    public override object FromBinary(byte[] bytes, string manifest) => throw new SerializationException(
        $"A message or an event for serializer {Identifier}, which no node of ExpoCluster uses, was refused.");
}
