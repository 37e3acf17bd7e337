using System.Buffers.Binary;
using System.Text;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Safetensors;
using Xunit.Abstractions;

namespace ExpoCluster.Tensors.Tests.Safetensors;

/// <summary>
/// Damaged headers end in a <see cref="TensorFileException"/> or in a header whose promises hold; never in anything else.
/// </summary>
public sealed class SafetensorsFuzzTests(ITestOutputHelper log)
{
    private const int Mutations = 250_000;

    // A list of ones is the worst: two bytes become a number of eight, in a growing list and in an array.
    private const int AllocatedPerByte = 64;
    private const int AllocatedAnyway = 20_000;

    private static readonly string[] Fragments =
    [
        "{", "}", "[", "]", ",", ":", "\"", "\\", "0", "-0", "1", "9", "1e9", ".5", "null", "true",
        "18446744073709551615", "9223372036854775807", "18446744073709551616",
        "\"__metadata__\"", "\"dtype\"", "\"shape\"", "\"data_offsets\"", "\"F32\"", "\"F4\"", "\"U8\"", "\\ud800", "\\u0000",
        "\0", " ", "\n", "ä", "[0,0]", "[[[[[[[[", "{\"a\":{\"a\":{\"a\":",
    ];

    private static readonly byte[][] Seeds =
    [
        FileImage.Of("{}"),
        FileImage.Of("""{"__metadata__":{"format":"pt","note":"\u00e4\ud83d\ude00"}}   """),
        FileImage.Of("""{"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"e":{"dtype":"F16","shape":[2,0],"data_offsets":[4,4]}}""", dataBytes: 4),
        FileImage.Of("""{"f":{"dtype":"F4","shape":[2,3],"data_offsets":[0,3]},"x":{"dtype":"U8","shape":[5],"data_offsets":[3,8],"extra":[1,{"a":null}]}}""", dataBytes: 8),
        FileImage.Of("""{"l":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}}""", dataBytes: 1),
        Fixture.Read("real/overall.safetensors"),
        [.. Fixture.Read("real/multi_layer.safetensors").AsSpan(..2_000)],
    ];

    [Fact]
    public void A_mutated_header_is_refused_or_keeps_every_promise()
    {
        var random = new Random(20_240_416);
        int accepted = 0;
        var codes = new SortedDictionary<string, int>(StringComparer.Ordinal);
        for (int i = 0; i < Mutations; i++)
        {
            byte[] file = Mutate(Seeds[i % Seeds.Length], random);
            long length = random.Next(4) == 0 ? random.NextInt64(0, file.Length + 20) : file.Length;
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                SafetensorsHeader header = SafetensorsHeader.Parse(file, length, "fuzz");
                AssertPromises(header, length);
                accepted++;
            }
            catch (TensorFileException refusal)
            {
                codes[refusal.Code] = codes.GetValueOrDefault(refusal.Code) + 1;
            }

            AssertFrugal(GC.GetAllocatedBytesForCurrentThread() - before, file);
        }

        log.WriteLine($"accepted {accepted}, refused {string.Join(", ", codes)}");
        Assert.True(accepted > 1_000, $"only {accepted} mutations were accepted: the mutations are too coarse to test anything else");
        Assert.True(codes.Count >= 20, $"only {string.Join(' ', codes.Keys)} were met");
    }

    private static void AssertFrugal(long allocated, byte[] file) =>
        Assert.True(
            allocated <= AllocatedAnyway + ((long)AllocatedPerByte * file.Length),
            $"{allocated} bytes allocated for a file of {file.Length}: {Convert.ToBase64String(file)}");

    private static void AssertPromises(SafetensorsHeader header, long fileLength)
    {
        long end = 0;
        foreach (SafetensorsTensor tensor in header.Tensors)
        {
            Assert.Equal(end, tensor.Begin);
            Assert.Equal(tensor.ElementCount * tensor.Dtype.Bits(), tensor.ByteCount * 8);
            end = tensor.End;
        }

        Assert.Equal(fileLength, header.DataStart + end);
        Assert.Equal(header.Tensors.Length, header.Tensors.Select(tensor => tensor.Name).Distinct(StringComparer.Ordinal).Count());
        Assert.DoesNotContain(header.Tensors, tensor => tensor.Name == "__metadata__");
        Assert.Equal(64, header.Digest.Length);
    }

    private static byte[] Mutate(byte[] seed, Random random)
    {
        int jsonBytes = Math.Min((int)BinaryPrimitives.ReadUInt64LittleEndian(seed), seed.Length - 8);
        List<byte> json = [.. seed.AsSpan(8, jsonBytes)];
        int dataBytes = seed.Length - 8 - json.Count;
        for (int edits = random.Next(1, 4); edits > 0; edits--)
        {
            Edit(json, random);
        }

        return FileImage.Of(ClaimedLength(json.Count, random), json.ToArray(), dataBytes);
    }

    private static ulong ClaimedLength(int actual, Random random) => random.Next(20) switch
    {
        0 => (ulong)random.NextInt64(),
        1 => (ulong)Math.Max(0, actual + random.Next(-8, 9)),
        2 => 100_000_000,
        _ => (ulong)actual,
    };

    private static void Edit(List<byte> json, Random random)
    {
        int at = random.Next(json.Count + 1);
        switch (random.Next(7))
        {
            case 0 when at < json.Count:
                json[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                json.InsertRange(at, Encoding.UTF8.GetBytes(Fragments[random.Next(Fragments.Length)]));
                break;
            case 2:
                json.RemoveRange(at, Math.Min(random.Next(8), json.Count - at));
                break;
            case 3:
                json.RemoveRange(at, json.Count - at);
                break;
            case 4:
                Splice(json, at, random);
                break;
            default:
                EditNumber(json, at, random);
                break;
        }
    }

    private static void Splice(List<byte> json, int at, Random random)
    {
        int from = random.Next(json.Count + 1);
        json.InsertRange(at, json.GetRange(from, Math.Min(random.Next(40), json.Count - from)));
    }

    private static void EditNumber(List<byte> json, int from, Random random)
    {
        int at = json.FindIndex(from, value => char.IsAsciiDigit((char)value));
        if (at >= 0)
        {
            json[at] = (byte)('0' + random.Next(10));
        }
    }
}
