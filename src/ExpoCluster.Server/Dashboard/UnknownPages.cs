using ExpoCluster.Server.Access;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ExpoCluster.Server.Dashboard;

/// <summary>Answers a browser that asks for a page that is not there; programs are told as of any other address.</summary>
internal static class UnknownPages
{
    private const int MaxCharacters = 200;

    public static Task AnswerAsync(HttpContext context, RequestDelegate next)
    {
        HttpRequest request = context.Request;
        if (context.GetEndpoint() is not null || !ShownToken.WantsPage(request))
        {
            return next(context);
        }

        string address = request.Path.Value ?? "";
        return new RazorComponentResult<NotFoundPage>(new Dictionary<string, object?>
        {
            [nameof(NotFoundPage.Address)] = address.Length > MaxCharacters ? address[..MaxCharacters] + "…" : address,
        }) { StatusCode = StatusCodes.Status404NotFound }.ExecuteAsync(context);
    }
}
