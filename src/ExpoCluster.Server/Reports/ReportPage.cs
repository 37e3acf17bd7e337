using System.Collections.Immutable;
using ExpoCluster.Core.Storage;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace ExpoCluster.Server.Reports;

/// <summary>The report as one file that needs nothing else: to keep beside the model, made of the dashboard's own components.</summary>
public static class ReportPage
{
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
        ImmutableArray<ModelReport> reports = [.. directories.SelectMany(directory => ReportShelf.Read(directory).AsEnumerable())];
        string html = await RenderAsync(reports).ConfigureAwait(false);
        try
        {
            await File.WriteAllTextAsync(file, html).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw StorageException.From(exception, file, "write the report");
        }
    }
}
