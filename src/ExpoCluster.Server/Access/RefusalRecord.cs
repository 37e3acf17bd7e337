using Microsoft.AspNetCore.Http;

namespace ExpoCluster.Server.Access;

/// <summary>Notes every request that was turned away, whoever did it.</summary>
internal sealed class RefusalRecord(RequestDelegate next, Audit audit)
{
    public async Task InvokeAsync(HttpContext context)
    {
        await next(context).ConfigureAwait(false);
        if (context.Response.StatusCode is StatusCodes.Status401Unauthorized or StatusCodes.Status403Forbidden or StatusCodes.Status429TooManyRequests)
        {
            audit.Refused(Visitor.Of(context), context.Request, context.Response.StatusCode);
        }
    }
}
