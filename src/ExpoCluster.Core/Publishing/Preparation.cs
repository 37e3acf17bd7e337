using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.ExceptionServices;
using System.Text;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Publishing;

/// <summary>Writes what is published beside the weights into a directory that nobody looks into before all of it is there.</summary>
/// <param name="directory">A new directory in the workspace.</param>
/// <param name="plan">What was merged.</param>
/// <param name="sideFiles">What is copied.</param>
/// <param name="bounds">Where links among the side files may lead; null where there are none.</param>
internal sealed class Preparation(string directory, Plan plan, ImmutableArray<PublishedSideFile> sideFiles, CheckpointBounds? bounds)
{
    // A journal of a file system takes what is made durable at the same moment in one step.
    private const int WritesAtOnce = 16;

    /// <summary>Writes one variant's files and makes them durable.</summary>
    /// <param name="variant">Which.</param>
    /// <param name="names">All that it publishes.</param>
    /// <param name="recipe">Of this variant.</param>
    /// <param name="files">Its sealed files.</param>
    /// <param name="version">Of the program.</param>
    /// <exception cref="CheckpointException">A side file is not what it was when the merge was begun.</exception>
    /// <exception cref="NotFiniteException">The merge is strict, and there are results that are no finite numbers.</exception>
    /// <exception cref="StorageException">Something cannot be written.</exception>
    public void Write(int variant, ImmutableArray<string> names, Recipe recipe, ImmutableArray<JobFileState> files, string version)
    {
        string prepared = Path.Join(directory, plan.FolderOf(variant));
        var provenance = Provenance.Of(plan, variant, recipe, files, names, version);
        if (recipe.Strict && provenance.Statistics?.NotFinite is { } found)
        {
            throw new NotFiniteException(found);
        }

        Durability.CreateDirectory(prepared);
        CopySideFiles(prepared);
        string card = ModelCard.Render(new ModelCardFacts(recipe, plan.MainDtype?.Name() ?? "mixed", version) { Coverage = Coverage.Of(plan) });
        Durability.WriteNew(Path.Join(prepared, PublishSequence.ModelCardName), Encoding.UTF8.GetBytes(card));
        if (plan.LayoutLength > 1)
        {
            Durability.WriteNew(Path.Join(prepared, OutputNames.IndexName(plan.FilesOf(variant).Select(file => file.BaseName))), EncodeIndex());
        }

        Durability.WriteNew(Path.Join(prepared, OutputPaths.ProvenanceName), provenance.ToJson());
        Durability.FlushDirectory(prepared);
    }

    private void CopySideFiles(string prepared)
    {
        string[] folders = [.. sideFiles.Select(file => Path.GetDirectoryName(Path.Join(prepared, file.File.RelativePath))!).Distinct().Where(folder => folder != prepared)];
        foreach (string folder in folders)
        {
            Durability.CreateDirectory(folder);
        }

        CopyAtOnce(new ConcurrentQueue<PublishedSideFile>(sideFiles), prepared);
        foreach (string folder in folders)
        {
            Durability.FlushDirectory(folder);
        }
    }

    // On threads of their own: those of the pool, which wait for the disk here, are what the engine answers on.
    private void CopyAtOnce(ConcurrentQueue<PublishedSideFile> left, string prepared)
    {
        Exception? failure = null;
        Thread[] threads = [.. Enumerable.Range(0, Math.Min(left.Count, WritesAtOnce)).Select(_ => new Thread(Work) { IsBackground = true })];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        if (failure is not null)
        {
            ExceptionDispatchInfo.Throw(failure);
        }

        void Work()
        {
            try
            {
                while (Volatile.Read(ref failure) is null && left.TryDequeue(out PublishedSideFile? file))
                {
                    Copy(file, Path.Join(prepared, file.File.RelativePath));
                }
            }
#pragma warning disable CA1031 // The edge of a thread: whoever waits for it throws the first of what was met.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                Interlocked.CompareExchange(ref failure, exception, null);
            }
        }
    }

    private void Copy(PublishedSideFile file, string target)
    {
        Durability.WriteNew(target, OutputSideFiles.ContentOf(plan, file.File.RelativePath, file.Read(bounds)));
    }

    private byte[] EncodeIndex() => WeightIndex.Encode(
        plan.Layout.Sum(file => file.Tensors.Sum(tensor => tensor.Entry.ByteCount)),
        plan.Layout.SelectMany(file => file.Tensors.Select(tensor => KeyValuePair.Create(tensor.Entry.Name, file.BaseName))));
}

/// <summary>A side file, and what it was when the merge was begun.</summary>
/// <param name="File">Where it is.</param>
/// <param name="Listed">What it was; null where that is not known.</param>
internal sealed record PublishedSideFile(SideFile File, ListedSideFile? Listed)
{
    public byte[] Read(CheckpointBounds? bounds) => Listed is null ? SideFileSelection.Read(File, bounds) : SideFileList.Read(Listed, File, bounds);
}
