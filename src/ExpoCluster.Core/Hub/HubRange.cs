using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Hub;

/// <summary>One response's bytes of a file, after it was checked which they are.</summary>
/// <param name="answer">The response; its body is not read yet.</param>
/// <param name="Begin">Where its bytes begin in the file; 0 when the server ignored the range.</param>
internal sealed class HubRange(HubAnswer answer, long Begin) : IDisposable
{
    private Stream? body;
    private HubPace? pace;

    /// <summary>Where the bytes begin in the file.</summary>
    public long Begin { get; } = Begin;

    /// <exception cref="HubException">The response holds other bytes than those asked for.</exception>
    public static HubRange Of(HubAnswer answer, HubFile file, long begin, long end)
    {
        HttpContentHeaders content = answer.Response.Content.Headers;
        if (content.ContentEncoding.Any(encoding => encoding != "identity"))
        {
            throw HubErrors.NotUnderstood(file.Name, $"the bytes come compressed ({string.Join(", ", content.ContentEncoding)}) though they must not");
        }

        if (answer.Response.StatusCode == HttpStatusCode.OK)
        {
            return content.ContentLength is { } length && length != file.ByteLength
                ? throw HubErrors.LengthDiffers(file, "the file's length", HubErrors.Bytes(file.ByteLength), HubErrors.Bytes(length))
                : new HubRange(answer, Begin: 0);
        }

        if (answer.Response.StatusCode != HttpStatusCode.PartialContent)
        {
            throw HubErrors.NotForeseen(file.Name, HubErrors.Status(answer.Status, null, null));
        }

        CheckContentRange(content, file, begin, end);
        return new HubRange(answer, begin);
    }

    /// <summary>Throws unless the Hub offers the very file of the listing.</summary>
    public static void CheckOffer(HubHeaders headers, HubFile file)
    {
        if (headers.Commit is null)
        {
            throw HubErrors.NotUnderstood(file.Name, "the answer does not say of which commit the file is");
        }

        if (headers.Commit != file.Commit.Sha)
        {
            throw HubErrors.NotUnderstood(file.Name, $"the file is of another commit ({Printable.Of(headers.Commit)})");
        }

        if (headers.ByteLength is { } length && length != file.ByteLength)
        {
            throw HubErrors.LengthDiffers(file, "the file's length", HubErrors.Bytes(file.ByteLength), HubErrors.Bytes(length));
        }

        if (headers.Etag is { } etag && file.Etag.Length > 0 && etag != file.Etag)
        {
            throw HubErrors.EtagDiffers(file, etag);
        }
    }

    /// <summary>What has arrived; 0 at the end of the response.</summary>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, HubEnvironment environment, TimeProvider clock, CancellationToken cancellation)
    {
        pace ??= new HubPace(clock, environment.SlowTimeout);
        body ??= await answer.Response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        return await pace.ReadAsync(() => HubBody.ReadSomeAsync(body, buffer, environment.ReadTimeout, cancellation)).ConfigureAwait(false);
    }

    public void Dispose()
    {
        body?.Dispose();
        answer.Dispose();
    }

    private static void CheckContentRange(HttpContentHeaders content, HubFile file, long begin, long end)
    {
        ContentRangeHeaderValue? range = content.ContentRange;
        bool isRight = range is { Unit: "bytes" } && range.From == begin && range.To >= begin && range.To < end
            && (range.Length ?? file.ByteLength) == file.ByteLength;
        if (!isRight)
        {
            throw HubErrors.LengthDiffers(
                file,
                "Content-Range",
                string.Create(CultureInfo.InvariantCulture, $"bytes {begin}-{end - 1}/{file.ByteLength}"),
                range?.ToString() ?? "none");
        }
    }
}
