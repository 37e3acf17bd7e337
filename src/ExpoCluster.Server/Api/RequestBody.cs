using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace ExpoCluster.Server.Api;

/// <summary>The JSON of a request, within limits.</summary>
internal static class RequestBody
{
    public const long MaxBytes = 1 << 20;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 32 };

    /// <exception cref="RefusalException">It is too long, or no JSON.</exception>
    public static async Task<JsonDocument> ReadAsync(HttpRequest request, CancellationToken cancellation)
    {
        if (!request.HasJsonContentType())
        {
            throw new RefusalException(ApiProblems.WrongMediaType(request.ContentType));
        }

        try
        {
            return await JsonDocument.ParseAsync(request.Body, Strict, cancellation).ConfigureAwait(false);
        }
        catch (JsonException exception)
        {
            throw new RefusalException(ApiProblems.NotJson(exception.Message));
        }
        catch (BadHttpRequestException exception) when (exception.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            throw new RefusalException(ApiProblems.TooLarge(MaxBytes));
        }
    }
}
