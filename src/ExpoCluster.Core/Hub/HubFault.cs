using System.Text;
using System.Text.Json;

namespace ExpoCluster.Core.Hub;

/// <summary>What an answer that is no success means, in the order in which Hugging Face's own library decides it.</summary>
internal static class HubFault
{
    private const int MaxBodyBytes = 64 << 10;

    private static readonly TimeSpan BodyPatience = TimeSpan.FromSeconds(5);

    private const string DisabledMessage = "Access to this resource is disabled.";
    private const string BadTokenMessage = "Invalid credentials in Authorization header";

    /// <summary>Statuses after which the same question may be answered.</summary>
    public static bool IsTransient(int status) => status is 408 or 429 or 500 or 502 or 503 or 504;

    public static async Task<HubException> OfAsync(
        HubAnswer answer, HubRequest request, HubEnvironment environment, CancellationToken cancellation)
    {
        string? message = HubHeaders.Text(answer.Response, "X-Error-Message")
            ?? await MessageInBodyAsync(answer, cancellation).ConfigureAwait(false);
        return Of(answer, message, request, environment);
    }

    private static HubException Of(HubAnswer answer, string? message, HubRequest request, HubEnvironment environment)
    {
        string status = HubErrors.Status(answer.Status, message, HubHeaders.Text(answer.Response, "X-Request-Id"));
        if (!answer.IsFromHub)
        {
            return HubErrors.KeepsFailing(request.Subject, $"{HubText.Of(answer.Source)}: {status}");
        }

        bool hasToken = environment.Token is not null;
        string page = $"{environment.Endpoint.AbsoluteUri.TrimEnd('/')}/{request.Repository}";
        string? code = HubHeaders.Text(answer.Response, "X-Error-Code");
        return (answer.Status, code, message) switch
        {
            (_, "RevisionNotFound", _) => HubErrors.NoSuchRevision(request.Subject),
            (_, "EntryNotFound", _) => HubErrors.NoSuchFile(request.Subject),
            (_, "GatedRepo", _) => HubErrors.LicenceNotAccepted(request.Subject, page, hasToken),
            (_, _, DisabledMessage) => HubErrors.RepositoryDisabled(request.Subject),
            (401, not "RepoNotFound", BadTokenMessage) => HubErrors.TokenUnknown(request.Subject),
            (_, "RepoNotFound", _) or (401, _, _) => HubErrors.NoSuchRepository(request.Subject, page, hasToken),
            (403, _, _) => HubErrors.NotPermitted(request.Subject, status),
            (429, _, _) => HubErrors.TooManyRequests(request.Subject, status, hasToken),
            (408 or 500 or 502 or 503 or 504, _, _) => HubErrors.KeepsFailing(request.Subject, status),
            _ => HubErrors.NotForeseen(request.Subject, status),
        };
    }

    private static async Task<string?> MessageInBodyAsync(HubAnswer answer, CancellationToken cancellation)
    {
        try
        {
            byte[] body = await HubBody.ReadAsync(answer.Response, MaxBodyBytes, BodyPatience, BodyPatience, cancellation).ConfigureAwait(false);
            using var document = JsonDocument.Parse(body);
            return MessageOf(document.RootElement);
        }
        catch (Exception exception) when (exception is IOException or HttpRequestException or TimeoutException or JsonException
            or InvalidOperationException or DecoderFallbackException)
        {
            // A message would be welcome, but the status says enough.
            return null;
        }
    }

    private static string? MessageOf(JsonElement body)
    {
        if (body.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        string[] messages =
        [
            .. Texts(body, "error"),
            .. Texts(body, "error_description"),
            .. body.TryGetProperty("errors", out JsonElement errors) && errors.ValueKind == JsonValueKind.Array
                ? errors.EnumerateArray().Where(error => error.ValueKind == JsonValueKind.Object).SelectMany(error => Texts(error, "message"))
                : [],
        ];
        return messages.Length == 0 ? null : string.Join("; ", messages);
    }

    private static IEnumerable<string> Texts(JsonElement holder, string name) =>
        !holder.TryGetProperty(name, out JsonElement value) ? []
        : value.ValueKind == JsonValueKind.String ? [value.GetString()!]
        : value.ValueKind == JsonValueKind.Array
            ? value.EnumerateArray().Where(entry => entry.ValueKind == JsonValueKind.String).Select(entry => entry.GetString()!)
        : [];
}
