using System.Runtime.Serialization;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Cluster.Serialization;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace ExpoCluster.Cluster.Tests.Serialization;

public sealed class ProtocolSerializerTests
{
    private readonly ProtocolSerializer serializer = new(system: null!);

    public static TheoryData<string> MessageNames => [.. ProtocolSerializer.MessageTypes.Select(type => type.Name)];

    [Theory]
    [MemberData(nameof(MessageNames))]
    public void Every_message_comes_back_as_it_was(string name)
    {
        IMessage message = Filled(ProtocolSerializer.MessageTypes.Single(type => type.Name == name));

        object back = serializer.FromBinary(serializer.ToBinary(message), serializer.Manifest(message));

        Assert.Equal(message, back);
        Assert.True(message.CalculateSize() > 0, "the message was filled");
    }

    [Fact]
    public void Every_addressed_message_of_the_protocol_is_known()
    {
        IEnumerable<Type> addressed = typeof(SubmitJob).Assembly.GetTypes().Where(type =>
            !type.IsInterface && (typeof(ICoordinatorMessage).IsAssignableFrom(type) || typeof(IWriterMessage).IsAssignableFrom(type)));

        Assert.Empty(addressed.Except(ProtocolSerializer.MessageTypes));
    }

    [Fact]
    public void Manifests_are_frozen()
    {
        Assert.Equal("c1", serializer.Manifest(new SubmitJob()));
        Assert.Equal("c16", serializer.Manifest(new PartsReported()));
        Assert.Equal("k2", serializer.Manifest(new AssignParts()));
        Assert.Equal("c22", serializer.Manifest(new TransferReturned()));
        Assert.Equal("k12", serializer.Manifest(new TransferAcknowledged()));
        Assert.Equal("n2", serializer.Manifest(new NodeVitals()));
        Assert.Equal("w4", serializer.Manifest(new PartComputed()));
        Assert.Equal(73_101, serializer.Identifier);
    }

    [Fact]
    public void A_message_of_a_version_that_knew_no_traces_is_read()
    {
        var assignment = new AssignParts { Job = "abc", Output = "/out", PlanDigest = "d", Incarnation = 2, LeaseMs = 20_000, Parts = { new Assignment { Number = 1 } } };
        const string written = "0A0361626312042F6F75741A0164200228A09C0132020801";

        Assert.Equal(written, Convert.ToHexString(serializer.ToBinary(assignment)));
        Assert.Equal("", ((AssignParts)serializer.FromBinary(Convert.FromHexString(written), "k2")).TraceParent);
    }

    [Fact]
    public void An_unknown_manifest_is_refused() =>
        Assert.Throws<SerializationException>(() => serializer.FromBinary([], "c999"));

    [Fact]
    public void A_foreign_object_is_refused() =>
        Assert.Throws<SerializationException>(() => serializer.Manifest("a string"));

    // Every field gets a value that is not its default, whatever fields a message has or will have.
    private static IMessage Filled(Type type)
    {
        var message = (IMessage)Activator.CreateInstance(type)!;
        foreach (FieldDescriptor field in message.Descriptor.Fields.InDeclarationOrder())
        {
            if (field.IsRepeated)
            {
                ((System.Collections.IList)field.Accessor.GetValue(message)).Add(Value(field));
            }
            else
            {
                field.Accessor.SetValue(message, Value(field));
            }
        }

        return message;
    }

    private static object Value(FieldDescriptor field) => field.FieldType switch
    {
        FieldType.String => field.Name,
        FieldType.Int32 => 7,
        FieldType.Int64 => 1L << 40,
        FieldType.Bool => true,
        FieldType.Bytes => ByteString.CopyFrom(1, 2, 3),
        FieldType.Enum => Enum.ToObject(field.EnumType.ClrType, 2),
        FieldType.Message => Filled(field.MessageType.ClrType),
        _ => throw new NotSupportedException($"{field.FieldType} needs a value here."),
    };
}
