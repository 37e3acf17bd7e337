using System.Collections.Immutable;
using System.Text;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Core.Storage;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace ExpoCluster.Server.Reports;

/// <summary>The report as one file that needs nothing else: to keep beside the model, made of the dashboard's own components.</summary>
public static class ReportPage
{
    private const string NotAPage = "EXPO2098";

    private static readonly string[] Endings = [".html", ".htm"];

    public static async Task<string> RenderAsync(ImmutableArray<ModelReport> reports)
    {
        ServiceProvider services = new ServiceCollection().BuildServiceProvider();
        await using (services.ConfigureAwait(false))
        {
            var renderer = new HtmlRenderer(services, NullLoggerFactory.Instance);
            await using (renderer.ConfigureAwait(false))
            {
                return await renderer.Dispatcher.InvokeAsync(async () =>
                {
                    var parameters = ParameterView.FromDictionary(new Dictionary<string, object?> { [nameof(ReportDocument.Reports)] = reports });
                    return (await renderer.RenderComponentAsync<ReportDocument>(parameters)).ToHtmlString();
                }).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Writes the report of a directory, which merge has written, into a file.</summary>
    /// <exception cref="Tensors.ExpoException">There is nothing to report of, or the file cannot be written.</exception>
    public static async Task WriteAsync(IEnumerable<string> directories, string file)
    {
        CheckTarget(file);
        ImmutableArray<ModelReport> reports = [.. directories.SelectMany(directory => ReportShelf.Read(directory).AsEnumerable())];
        string html = await RenderAsync(reports).ConfigureAwait(false);
        CheckTarget(file);
        Durability.WriteWhole(Path.GetFullPath(file), Encoding.UTF8.GetBytes(html));
    }

    /// <summary>Throws where something lies that a report must not replace: anything but a page, or what leads elsewhere.</summary>
    /// <exception cref="UsageException">A file that is no page, or a name that is none of a page.</exception>
    /// <exception cref="StorageException">A link, a pipe, a device, a directory.</exception>
    public static void CheckTarget(string file)
    {
        PlainFile.DemandReplaceable(file);
        bool isPage = Endings.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase);
        if (!isPage && (File.Exists(file) || SideFileSelection.IsCheckpointFile(Path.GetFileName(file))))
        {
            throw new UsageException(new RecipeProblem(
                NotAPage, "--report", $"{file} is no name of a page, and a report would replace what is, or will be, there.", "write FILE.html."));
        }
    }
}
