using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;

namespace ExpoCluster.Core.Publishing;

/// <summary>What an output takes on its file system until it is published: everything, not the weights alone.</summary>
/// <param name="WeightBytes">Of the output files, which are reserved before the first part is computed.</param>
/// <param name="BesideBytes">Of all that is published beside them: side files, index, record, model card; for each variant.</param>
/// <param name="WorkspaceBytes">Of what is gone when it is published: plan, journal, and side files that come from the Hub.</param>
/// <param name="Inodes">Files and directories.</param>
public sealed record OutputNeeds(long WeightBytes, long BesideBytes, long WorkspaceBytes, long Inodes)
{
    // Files take whole blocks.
    private const int FileSystemBlockBytes = 4096;

    private const int CardBytes = 16 << 10;

    // What a record, a journal and an index say of each thing besides its name, as JSON; measured and rounded up.
    private const int RecordBytesOfTensor = 400;
    private const int RecordBytesOfInput = 512;
    private const int JournalBytesOfPart = 1024;
    private const int IndexBytesOfTensor = 16;
    private const int EmptyJournalBytes = 512 << 10;

    // Workspace, staging, prepared, claim, plan, pins, journal with its log and index, and room for what the file system makes.
    private const int WorkspaceInodes = 24;

    // Model card, record, and the index of several weights files.
    private const int FilesBesideSideFiles = 3;

    /// <summary>Files of one output that are published beside the weights.</summary>
    public int BesideCount { get; private init; }

    /// <summary>Never less than what small outputs were always given, for it must not be what fails.</summary>
    public long Bytes => WeightBytes + Math.Max(BesideBytes + WorkspaceBytes, OutputPreflight.WorkspaceBytes);

    public static OutputNeeds Of(PlannedMerge merge)
    {
        Plan plan = merge.Plan;
        int sideFiles = merge.SideFiles.Length + merge.RemoteSideFiles.Length;
        long remoteBytes = merge.Aligned.Folder.RemoteSideFileBytes;
        long sideFileBytes = merge.SideFiles.Sum(file => file.ByteLength) + remoteBytes + ((long)sideFiles * FileSystemBlockBytes);
        long beside = sideFileBytes + CardBytes + RecordBytes(plan) + IndexBytes(plan);
        return new OutputNeeds(
            plan.OutputByteCount,
            beside * plan.Variants,
            plan.CanonicalJson.Length + EmptyJournalBytes + ((long)plan.PartCount * JournalBytesOfPart) + remoteBytes,
            WorkspaceInodes + ((long)plan.Variants * (plan.LayoutLength + sideFiles + FilesBesideSideFiles + 2)))
        {
            BesideCount = sideFiles + FilesBesideSideFiles - (plan.LayoutLength == 1 ? 1 : 0),
        };
    }

    private static long RecordBytes(Plan plan) =>
        plan.Layout.Sum(file => (long)PartGrid.BlockCount(file.ByteLength) * BlockDigest.ByteCount * 4 / 3)
        + plan.Layout.Sum(file => file.Tensors.Sum(tensor => (long)tensor.Entry.Name.Length + RecordBytesOfTensor))
        + ((long)plan.Inputs.Length * RecordBytesOfInput);

    private static long IndexBytes(Plan plan) => plan.LayoutLength == 1
        ? 0
        : plan.Layout.Sum(file => file.Tensors.Sum(tensor => (long)tensor.Entry.Name.Length + file.BaseName.Length + IndexBytesOfTensor));
}
