using System.Collections.Immutable;
using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Dispatch.SysMsg;
using Akka.Remote.Serialization;
using Akka.Serialization;
using Akka.Util;

namespace ExpoCluster.Cluster.Serialization;

/// <summary>Of Akka's odds and ends: who somebody is, and the heartbeat of whoever watches. Not exceptions by the name of their type, nor configuration.</summary>
public sealed class NarrowedMiscSerializer : SerializerWithStringManifest
{
    private static readonly ImmutableArray<string> Manifests = ["ID", "AID", "AR", "RWHB", "RWHR"];

    private readonly MiscMessageSerializer inner;

    public NarrowedMiscSerializer(ExtendedActorSystem system)
        : base(system) => inner = new MiscMessageSerializer(system);

    public override int Identifier => inner.Identifier;

    public override string Manifest(object o) => inner.Manifest(o);

    public override byte[] ToBinary(object obj) =>
        Manifests.Contains(Manifest(obj)) ? inner.ToBinary(obj) : throw Refusal(obj.GetType().Name);

    public override object FromBinary(byte[] bytes, string manifest) =>
        Manifests.Contains(manifest) ? inner.FromBinary(bytes, manifest) : throw Refusal(manifest);

    private SerializationException Refusal(string what) =>
        new($"'{what}' for serializer {Identifier}, which no node of ExpoCluster sends, was refused.");
}

/// <summary>Of Akka's system messages: to watch, to watch no more, and that whom one watched is gone. Not those that end or restart an actor.</summary>
public sealed class NarrowedSystemSerializer : SerializerWithStringManifest
{
    // By the names that Akka's own serializer puts beside them, so that nodes of earlier versions understand.
    private static readonly Dictionary<string, Type> Types = new[] { typeof(Watch), typeof(Unwatch), typeof(DeathWatchNotification) }
        .ToDictionary(type => type.TypeQualifiedName(), StringComparer.Ordinal);

    private readonly SystemMessageSerializer inner;

    public NarrowedSystemSerializer(ExtendedActorSystem system)
        : base(system) => inner = new SystemMessageSerializer(system);

    public override int Identifier => inner.Identifier;

    public override string Manifest(object o) => o.GetType().TypeQualifiedName();

    public override byte[] ToBinary(object obj) => inner.ToBinary(obj);

    // System messages are repeated until they are taken, so one that throws here would break the connection again and again.
    public override object FromBinary(byte[] bytes, string manifest) =>
        Types.TryGetValue(manifest, out Type? type) ? inner.FromBinary(bytes, type) : Refused.Instance;

    /// <summary>In the place of a system message that is not let through: remoting drops what is harmful before anybody sees it.</summary>
    private sealed class Refused : IPossiblyHarmful
    {
        public static readonly Refused Instance = new();
    }
}
