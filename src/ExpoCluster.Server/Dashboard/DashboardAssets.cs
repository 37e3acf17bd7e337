using System.Collections.Concurrent;
using System.IO.Compression;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace ExpoCluster.Server.Dashboard;

/// <summary>Styles, scripts and pictures of the pages: resources of this assembly, so that no request leaves the node and no directory is needed.</summary>
internal static class DashboardAssets
{
    private const string Prefix = "assets/";

    private static readonly ConcurrentDictionary<string, Asset?> Assets = new(StringComparer.Ordinal);

    /// <summary>The address of one, which changes with its content.</summary>
    public static string UrlOf(string name) => $"/{Prefix}{name}?v={Find(name)!.Version}";

    public static string TextOf(string name)
    {
        using var reader = new StreamReader(Open(name)!);
        return reader.ReadToEnd();
    }

    public static void Map(IEndpointRouteBuilder endpoints) =>
        endpoints.MapGet("/assets/{name}", Send).ExcludeFromDescription();

    private static IResult Send(string name, HttpContext context)
    {
        if (Find(name) is not { } asset)
        {
            return Results.NotFound();
        }

        context.Response.Headers.CacheControl = "public, max-age=31536000, immutable";
        context.Response.Headers.Vary = "Accept-Encoding";
        if (!context.Request.Headers.AcceptEncoding.ToString().Contains("gzip", StringComparison.OrdinalIgnoreCase))
        {
            return Results.Stream(Open(name)!, asset.MediaType);
        }

        context.Response.Headers.ContentEncoding = "gzip";
        return Results.Bytes(asset.Compressed, asset.MediaType);
    }

    private static Asset? Find(string name) => Assets.GetOrAdd(name, Read);

    private static Asset? Read(string name)
    {
        using Stream? source = Open(name);
        if (source is null)
        {
            return null;
        }

        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Optimal, leaveOpen: true))
        {
            source.CopyTo(gzip);
        }

        source.Position = 0;
        return new Asset(Convert.ToHexStringLower(SHA256.HashData(source))[..12], MediaTypeOf(name), compressed.ToArray());
    }

    private static Stream? Open(string name) => typeof(DashboardAssets).Assembly.GetManifestResourceStream(Prefix + name);

    private static string MediaTypeOf(string name) => Path.GetExtension(name) switch
    {
        ".css" => "text/css; charset=utf-8",
        ".js" => "text/javascript; charset=utf-8",
        ".svg" => "image/svg+xml",
        _ => "application/octet-stream",
    };

    private sealed record Asset(string Version, string MediaType, byte[] Compressed);
}
