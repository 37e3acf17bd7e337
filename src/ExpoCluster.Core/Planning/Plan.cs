using System.Collections.Immutable;
using System.Globalization;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Methods;
using ExpoCluster.Core.Parts;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;
using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.Core.Planning;

/// <summary>One input file as it was when the plan was made.</summary>
/// <param name="Path">Absolute, links resolved; <c>hf:org/name@commit/file</c> for a file that is read from the Hub.</param>
/// <param name="ByteLength">Bytes.</param>
/// <param name="ModifiedUnixNanoseconds">Nanoseconds since 1970, UTC.</param>
/// <param name="HeaderDigest">SHA-256 of the header, lower-case hex.</param>
public sealed record PlanInput(string Path, long ByteLength, long ModifiedUnixNanoseconds, string HeaderDigest)
{
    /// <summary>The file is read from the Hub, where it cannot change: its path names the commit.</summary>
    public bool IsRemote => HubReference.Matches(Path);

    /// <summary>For people, with all the digits that are compared.</summary>
    public static string FormatTime(long unixNanoseconds)
    {
        DateTimeOffset second = DateTimeOffset.FromUnixTimeSeconds(Math.DivRem(unixNanoseconds, 1_000_000_000).Quotient);
        return string.Create(CultureInfo.InvariantCulture, $"{second:yyyy-MM-dd HH:mm:ss}.{Math.Abs(unixNanoseconds % 1_000_000_000):000000000}Z");
    }
}

/// <summary>Where a tensor's bytes lie.</summary>
/// <param name="Input">Index into <see cref="Plan.Inputs"/>.</param>
/// <param name="Offset">Bytes from the start of that file.</param>
/// <param name="Dtype">As stored there.</param>
public sealed record TensorSource(int Input, long Offset, Dtype Dtype)
{
    /// <summary>Of a view whose elements do not lie in row-major order without gaps: how far the next one of each dimension is, in elements. Default for all others.</summary>
    public ImmutableArray<long> Strides { get; init; }

    /// <summary>So many elements, from the first on, where it has fewer than the output; null for all.</summary>
    public long? Elements { get; init; }

    /// <summary>Elements have to be gathered.</summary>
    public bool IsStrided => !Strides.IsDefault;

    public bool Equals(TensorSource? other) => other is not null
        && (Input, Offset, Dtype, Elements, IsStrided) == (other.Input, other.Offset, other.Dtype, other.Elements, other.IsStrided)
        && (!IsStrided || Strides.SequenceEqual(other.Strides));

    public override int GetHashCode() => HashCode.Combine(Input, Offset, Dtype);
}

/// <summary>How an output tensor comes from its sources. Plans on disk hold the numbers.</summary>
public enum TensorRule
{
    /// <summary>By the plan's method.</summary>
    Merge = 0,

    /// <summary>The first source's bytes, after checking that all others have the same.</summary>
    CopyEqual = 1,

    /// <summary>The only source's bytes.</summary>
    Copy = 2,
}

/// <summary>One tensor of an output file.</summary>
/// <param name="Entry">Its header entry; offsets relative to the data section.</param>
/// <param name="Rule">How it comes from its sources.</param>
/// <param name="Sources">Where its values are read: in the models, in their order, and then in the base. The first has all its elements.</param>
/// <param name="Parameters">Of the method; null where nothing is computed.</param>
public sealed record PlannedTensor(SafetensorsTensor Entry, TensorRule Rule, ImmutableArray<TensorSource> Sources, ParameterSet? Parameters)
{
    public bool IsMerged => Rule == TensorRule.Merge;

    /// <summary>
    /// So many elements, from the first on, are computed, because some source has no more; the others are the first source's, cast
    /// to the output's dtype. Null for all.
    /// </summary>
    public long? MergedElements
    {
        get
        {
            long? least = null;
            if (IsMerged)
            {
                // Lanes ask for each step: no LINQ, which allocates.
                foreach (TensorSource source in Sources)
                {
                    least = least is null || source.Elements < least ? source.Elements : least;
                }
            }

            return least;
        }
    }

    /// <summary>Bytes of the output that are computed, from the first on.</summary>
    public long MergedByteCount => !IsMerged ? 0
        : MergedElements is { } count ? count * Entry.Dtype.Bits() / 8
        : Entry.ByteCount;

    /// <summary>Bytes that this tensor takes in one of its sources, whose dtype may be another than the output's.</summary>
    public long ByteCountOf(TensorSource source) => (long)((Int128)(source.Elements ?? Entry.ElementCount) * source.Dtype.Bits() / 8);
}

/// <summary>One output file: its header and, in the order of their bytes, its tensors.</summary>
public sealed class PlannedFile
{
    public PlannedFile(string name, ImmutableArray<PlannedTensor> tensors)
    {
        Name = name;
        Tensors = tensors;
        Header = SafetensorsHeader.Encode([.. tensors.Select(tensor => tensor.Entry)], OutputMetadata);
        ByteLength = Header.Length + (tensors.IsEmpty ? 0 : tensors[^1].Entry.End);
    }

    /// <summary>Some loaders refuse a file without it.</summary>
    private static ImmutableSortedDictionary<string, string> OutputMetadata { get; } =
        ImmutableSortedDictionary<string, string>.Empty.Add("format", "pt");

    /// <summary>Below the output directory; in a sweep with its variant's folder.</summary>
    public string Name { get; }

    /// <summary>As the index and the variant's own record know it.</summary>
    public string BaseName => Path.GetFileName(Name);

    public ImmutableArray<PlannedTensor> Tensors { get; }

    /// <summary>The first bytes of the file, up to the data section.</summary>
    public byte[] Header { get; }

    /// <summary>Bytes of the whole file.</summary>
    public long ByteLength { get; }

    public int PartCount => PartGrid.PartCount(ByteLength);

    /// <summary>The same file of another alpha, in that variant's folder.</summary>
    public PlannedFile ForVariant(double alpha) => new(
        Plan.VariantFolder(alpha) + "/" + BaseName,
        [.. Tensors.Select(tensor => tensor.IsMerged ? tensor with { Parameters = ExpoMethod.With(alpha) } : tensor)]);

    /// <summary>The index of the first tensor that ends behind <paramref name="dataOffset"/>.</summary>
    public int FirstTensorBehind(long dataOffset)
    {
        int low = 0;
        int high = Tensors.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (Tensors[middle].Entry.End > dataOffset)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        return low;
    }
}

/// <summary>A recipe resolved against real headers: every output byte and where it comes from.</summary>
/// <remarks>The same recipe over the same inputs gives the same plan, byte for byte; <see cref="Digest"/> names it.</remarks>
public sealed class Plan
{
    private const string VariantPrefix = "alpha-";

    public Plan(
        int numericsVersion,
        string method,
        Numerics numerics,
        ImmutableArray<PlanInput> inputs,
        string? sideFileDirectory,
        ImmutableArray<PlannedFile> files,
        int variants = 1,
        long seed = 0,
        int? alignedInputs = null,
        ReadOnlyMemory<byte>? readFrom = null)
    {
        if (variants < 1 || files.Length % variants != 0)
        {
            throw new ArgumentException($"{files.Length} files are not {variants} equal sets.", nameof(variants));
        }

        NumericsVersion = numericsVersion;
        Method = method;
        Numerics = numerics;
        Inputs = inputs;
        SideFileDirectory = sideFileDirectory;
        Files = files;
        Variants = variants;
        Seed = seed;
        int used = 1 + Layout.SelectMany(file => file.Tensors).Select(tensor => tensor.Sources[0].Input).DefaultIfEmpty(-1).Max();
        MaxSources = Layout.SelectMany(file => file.Tensors).Select(tensor => tensor.Sources.Length).DefaultIfEmpty(1).Max();
        StatedAlignedInputs = alignedInputs == used ? null : alignedInputs;
        AlignedInputs = StatedAlignedInputs ?? used;
        CanonicalJson = readFrom ?? PlanJson.Write(this);
        Digest = PlanJson.Digest(CanonicalJson);
    }

    /// <summary>Of the kernels that the plan was made for; another version would write other bytes.</summary>
    public int NumericsVersion { get; }

    public string Method { get; }

    public Numerics Numerics { get; }

    public ImmutableArray<PlanInput> Inputs { get; }

    /// <summary>So many of <see cref="Inputs"/>, from the first on, are aligned's; the others are base's alone.</summary>
    public int AlignedInputs { get; }

    /// <summary>That number where the tensors do not tell it, because none of the last of aligned's files is in the output; else null, as plans had it before.</summary>
    internal int? StatedAlignedInputs { get; }

    /// <summary>The aligned checkpoint's directory, which side files come from, or its commit of the Hub; null when aligned is a bare weights file.</summary>
    public string? SideFileDirectory { get; }

    /// <summary>
    /// All output files. In a sweep, the files of the first alpha, then those of the second, and so on: file f of variant v stands at
    /// v · <see cref="LayoutLength"/> + f, and differs from that of another variant in its folder and its alphas only.
    /// </summary>
    public ImmutableArray<PlannedFile> Files { get; }

    /// <summary>How many outputs the inputs are read for: one, or the number of alphas of a sweep.</summary>
    public int Variants { get; }

    /// <summary>Of stochastic rounding; 0 for other numerics.</summary>
    public long Seed { get; }

    /// <summary>The most sources that one of its tensors has: as many inputs a lane reads at once.</summary>
    public int MaxSources { get; }

    /// <summary>Files of one variant.</summary>
    public int LayoutLength => Files.Length / Variants;

    /// <summary>
    /// The encoding that the digest is over, and that the plan travels in: the bytes that it was read from, or that were written first.
    /// What this version would write for the same plan may differ.
    /// </summary>
    public ReadOnlyMemory<byte> CanonicalJson { get; }

    /// <summary>SHA-256 of <see cref="CanonicalJson"/>, lower-case hex.</summary>
    public string Digest { get; }

    /// <summary>Bytes of all weights files.</summary>
    public long OutputByteCount => Files.Sum(file => file.ByteLength);

    public int PartCount => Files.Sum(file => file.PartCount);

    /// <summary>The files of the first variant; the others' are laid out alike.</summary>
    public IEnumerable<PlannedFile> Layout => Files.Take(LayoutLength);

    /// <summary>The files of one variant.</summary>
    public IEnumerable<PlannedFile> FilesOf(int variant) => Files.Skip(variant * LayoutLength).Take(LayoutLength);

    /// <summary>The folder of a variant below the output directory; empty for a merge with one alpha.</summary>
    public string FolderOf(int variant) => Path.GetDirectoryName(Files[variant * LayoutLength].Name)!;

    /// <summary>The folder of a variant: its alpha as the shortest decimal that reads back as the same number.</summary>
    public static string VariantFolder(double alpha) => VariantPrefix + alpha.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>True for what <see cref="VariantFolder"/> gives.</summary>
    public static bool IsVariantFolder(string name) => AlphaOfFolder(name) is { } alpha && VariantFolder(alpha) == name;

    /// <summary>The alpha that a folder is named after; null for another folder.</summary>
    public static double? AlphaOfFolder(string name) => name.StartsWith(VariantPrefix, StringComparison.Ordinal)
        && double.TryParse(name.AsSpan(VariantPrefix.Length), NumberStyles.Float, CultureInfo.InvariantCulture, out double alpha)
            ? alpha
            : null;

    /// <summary>Input bytes that the merge reads: each source byte once.</summary>
    public long InputByteCount => Layout
        .SelectMany(file => file.Tensors)
        .Sum(tensor => tensor.Sources.Sum(tensor.ByteCountOf));

    /// <summary>The alphas of the extrapolated tensors, from the least on, and how many tensors have each.</summary>
    public ImmutableArray<(double Alpha, int Tensors)> Alphas =>
    [
        .. Files
            .SelectMany(file => file.Tensors)
            .Where(tensor => tensor.IsMerged)
            .GroupBy(tensor => ExpoMethod.AlphaOf(tensor.Parameters))
            .OrderBy(group => group.Key)
            .Select(group => (group.Key, group.Count())),
    ];

    /// <summary>The dtype that most of the output's floating-point bytes have; null when there are none.</summary>
    public Dtype? MainDtype => Layout
        .SelectMany(file => file.Tensors)
        .Where(tensor => tensor.Entry.Dtype.IsArithmetic())
        .GroupBy(tensor => tensor.Entry.Dtype)
        .OrderByDescending(group => group.Sum(tensor => tensor.Entry.ByteCount))
        .ThenBy(group => group.Key)
        .Select(group => (Dtype?)group.Key)
        .FirstOrDefault();
}
