using System.IO.Compression;

namespace ExpoCluster.Core.Samples;

/// <summary><c>training_args.bin</c>, which trainers leave beside the weights: a pickle that asks for a class of their own.</summary>
internal static class TrainingArgumentsFile
{
    public const string Name = "training_args.bin";

    private static readonly DateTimeOffset Earliest = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static void Write(string directory)
    {
        using ZipArchive archive = ZipFile.Open(Path.Join(directory, Name), ZipArchiveMode.Create);
        Add(
            archive,
            "training_args/data.pkl",
            [0x80, 2, .. "ctransformers.training_args\nTrainingArguments\nq\0)"u8, 0x81, .. "q\u0001}q\u0002b."u8]);
        Add(archive, "training_args/byteorder", "little"u8);
        Add(archive, "training_args/version", "3\n"u8);
    }

    // A fixed time, so that equal samples are equal files.
    private static void Add(ZipArchive archive, string name, ReadOnlySpan<byte> content)
    {
        ZipArchiveEntry entry = archive.CreateEntry(name, CompressionLevel.NoCompression);
        entry.LastWriteTime = Earliest;
        using Stream stream = entry.Open();
        stream.Write(content);
    }
}
