using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.OpenApi;

namespace ExpoCluster.Server.Api;

/// <summary>The contract as an OpenAPI document, made once: it takes tens of milliseconds, and anybody may ask for it.</summary>
internal sealed class ContractDocument([FromKeyedServices(ContractDocument.Name)] IOpenApiDocumentProvider provider)
{
    public const string Name = "v1";

    private readonly Lock gate = new();
    private Task<byte[]>? json;

    public static void Map(IEndpointRouteBuilder endpoints) => endpoints
        .MapGet($"/openapi/{Name}.json", async (ContractDocument document, CancellationToken cancellation) =>
            Results.Bytes(await document.JsonAsync(cancellation).ConfigureAwait(false), "application/json;charset=utf-8"))
        .ExcludeFromDescription();

    // It names no server, so it is the same by whatever name the node is reached. What failed is tried again.
    private Task<byte[]> JsonAsync(CancellationToken cancellation)
    {
        lock (gate)
        {
            json = json is null or { IsFaulted: true } ? MakeAsync() : json;
            return json.WaitAsync(cancellation);
        }
    }

    private async Task<byte[]> MakeAsync()
    {
        OpenApiDocument document = await provider.GetOpenApiDocumentAsync(CancellationToken.None).ConfigureAwait(false);
        using var text = new MemoryStream();
        await document.SerializeAsync(text, OpenApiSpecVersion.OpenApi3_1, OpenApiConstants.Json, CancellationToken.None).ConfigureAwait(false);
        return text.ToArray();
    }
}
