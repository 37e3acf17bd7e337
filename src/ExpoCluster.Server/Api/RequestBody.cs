using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace ExpoCluster.Server.Api;

/// <summary>The JSON of a request, within limits.</summary>
internal static class RequestBody
{
    public const long MaxBytes = 1 << 20;

    private const string HalfAPair = "a text holds half a surrogate pair.";

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
            JsonDocument body = await JsonDocument.ParseAsync(request.Body, Strict, cancellation).ConfigureAwait(false);
            if (!IsText(body.RootElement))
            {
                body.Dispose();
                throw new RefusalException(ApiProblems.NotJson(HalfAPair));
            }

            return body;
        }
        catch (JsonException exception)
        {
            throw new RefusalException(ApiProblems.NotJson(exception.Message));
        }
        catch (InvalidOperationException)
        {
            // Of a key, which is compared with the others as soon as it is read.
            throw new RefusalException(ApiProblems.NotJson(HalfAPair));
        }
        catch (BadHttpRequestException exception) when (exception.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            throw new RefusalException(ApiProblems.TooLarge(MaxBytes));
        }
        catch (IOException exception) when (!cancellation.IsCancellationRequested)
        {
            // Chunks that are none, and a body that comes too slowly or not at all; the web server says which.
            throw new RefusalException(ApiProblems.NotJson(exception.Message));
        }
    }

    // Half a surrogate pair can be written in JSON, but is no text: whoever reads it throws.
    private static bool IsText(JsonElement value)
    {
        try
        {
            return value.ValueKind switch
            {
                JsonValueKind.String => value.GetString() is not null,
                JsonValueKind.Array => value.EnumerateArray().All(IsText),
                JsonValueKind.Object => value.EnumerateObject().All(property => property.Name is not null && IsText(property.Value)),
                _ => true,
            };
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}
