using ExpoCluster.Tensors.Torch;
using Xunit.Abstractions;

namespace ExpoCluster.Tensors.Tests.Torch;

/// <summary>
/// Damaged archives end in a <see cref="TensorFileException"/> or in tensors that lie within the file; never in anything else.
/// </summary>
public sealed class TorchFuzzTests(ITestOutputHelper log)
{
    private const int Mutations = 60_000;

    // The tail of the file is read as a whole, and a value of a pickle takes a few words for one byte.
    private const int AllocatedPerByte = 400;
    private const int AllocatedAnyway = 300_000;

    private static readonly string[] Fragments =
    [
        "(", ")", ".", "K\u0001", "M\u0001\u0002", "J\u00ff\u00ff\u00ff\u00ff", "N", "Q", "R", "]", "}", "a", "b", "e", "s", "t", "u",
        "h\0", "q\u0001", "\u0085", "\u0086", "\u0087", "\u0089", "\u008a\u0008", "\u008c\u0001a", "\u0093", "\u0094", "\u0095",
        "ctorch\nFloatStorage\n", "ccollections\nOrderedDict\n", "ctorch._utils\n_rebuild_tensor_v2\n", "cos\nsystem\n", "X\u0001\0\0\0w", "\u0081",
    ];

    private static readonly byte[][] Files =
    [
        ArchiveImage.Small(),
        Fixture.Read("real/test.pt"),
        Fixture.Read("real/mixed_types.pt"),
        Fixture.Read("real/checkpoint.pt"),
        Fixture.Read("real/nested_dict.pt"),
    ];

    private static readonly (byte[] Pickle, (string Name, byte[] Content)[] Storages)[] Unpacked = [.. Files.Select(Unpack)];

    [Fact]
    public void A_mutated_archive_is_refused_or_keeps_every_promise()
    {
        var random = new Random(20_240_416);
        Run(i =>
        {
            byte[] file = [.. Files[i % Files.Length]];
            for (int edits = random.Next(1, 4); edits > 0; edits--)
            {
                // Most of what can be broken is at the end.
                int from = random.Next(2) == 0 ? 0 : Math.Max(0, file.Length - 700);
                int at = random.Next(from, file.Length);
                file[at] = random.Next(3) == 0 ? (byte)random.Next(256) : (byte)(file[at] ^ (1 << random.Next(8)));
            }

            return random.Next(20) == 0 ? file[..random.Next(file.Length)] : file;
        });
    }

    [Fact]
    public void A_mutated_pickle_is_refused_or_keeps_every_promise()
    {
        var random = new Random(20_240_417);
        Run(i =>
        {
            (byte[] original, (string, byte[])[] storages) = Unpacked[i % Unpacked.Length];
            List<byte> pickle = [.. original];
            for (int edits = random.Next(1, 3); edits > 0; edits--)
            {
                Edit(pickle, random);
            }

            return ArchiveImage.WithPickle([.. pickle], storages);
        });
    }

    private void Run(Func<int, byte[]> mutate)
    {
        int accepted = 0;
        var codes = new SortedDictionary<string, int>(StringComparer.Ordinal);
        for (int i = 0; i < Mutations; i++)
        {
            byte[] file = mutate(i);
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                WeightsHeader header = MemorySource.Read(file);
                Assert.All(header.Tensors, tensor => Assert.True(tensor.Offset >= 0 && tensor.ByteCount <= file.Length - tensor.Offset));
                accepted++;
            }
            catch (TensorFileException refusal)
            {
                codes[refusal.Code] = codes.GetValueOrDefault(refusal.Code) + 1;
            }

            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(
                allocated <= AllocatedAnyway + ((long)AllocatedPerByte * file.Length),
                $"{allocated} bytes allocated for a file of {file.Length}: {Convert.ToBase64String(file)}");
        }

        log.WriteLine($"accepted {accepted}, refused {string.Join(", ", codes)}");
        Assert.True(accepted > 500, $"only {accepted} mutations were accepted: the mutations are too coarse to test anything else");
        Assert.True(codes.Count >= 8, $"only {string.Join(' ', codes.Keys)} were met");
    }

    private static void Edit(List<byte> pickle, Random random)
    {
        int at = random.Next(pickle.Count + 1);
        switch (random.Next(4))
        {
            case 0 when at < pickle.Count:
                pickle[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                pickle.InsertRange(at, System.Text.Encoding.Latin1.GetBytes(Fragments[random.Next(Fragments.Length)]));
                break;
            case 2:
                pickle.RemoveRange(at, Math.Min(random.Next(8), pickle.Count - at));
                break;
            default:
                int from = random.Next(pickle.Count + 1);
                pickle.InsertRange(at, pickle.GetRange(from, Math.Min(random.Next(40), pickle.Count - from)));
                break;
        }
    }

    private static (byte[] Pickle, (string Name, byte[] Content)[] Storages) Unpack(byte[] file)
    {
        using var source = new MemorySource(file);
        ZipDirectory directory = ZipDirectory.ReadFrom(source);
        IEnumerable<(string, byte[])> storages =
            from entry in directory.Entries
            let key = entry.Name.Split("/data/")
            where key.Length == 2
            select ("model/data/" + key[1], new byte[entry.ByteCount]);
        return (TorchArchive.Open(source, directory).Pickle.ToArray(), [.. storages]);
    }
}
