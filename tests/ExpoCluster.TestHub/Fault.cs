using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace ExpoCluster.TestHub;

/// <summary>Something that goes wrong, a number of times, at one part of the Hub.</summary>
/// <param name="Place">Where.</param>
/// <param name="Apply">Changes the response; true when it is complete so.</param>
public sealed record Fault(Place Place, Func<HttpContext, BodyPlan, bool> Apply)
{
    /// <summary>How often; the Hub counts it down.</summary>
    public int Times { get; set; } = 1;

    /// <summary>So many requests go well before.</summary>
    public int After { get; set; }

    /// <summary>The target must contain it.</summary>
    public string Target { get; init; } = "";

    public static Fault Status(Place place, int status, params (string Name, string Value)[] headers) => new(place, (context, _) =>
    {
        context.Response.StatusCode = status;
        foreach ((string name, string value) in headers)
        {
            context.Response.Headers[name] = value;
        }

        return true;
    });

    public static Fault Body(Place place, string body, int status = 200) => new(place, (context, plan) =>
    {
        context.Response.StatusCode = status;
        plan.Text = body;
        return true;
    });

    public static Fault IgnoresRanges(Place place) => new(place, (_, plan) =>
    {
        plan.IgnoresRange = true;
        return false;
    });

    /// <summary>The connection breaks after so many bytes of the body.</summary>
    public static Fault Drops(Place place, long afterBytes) => new(place, (_, plan) =>
    {
        plan.DropAfter = afterBytes;
        return false;
    });

    /// <summary>Nothing more comes after so many bytes, but the connection stays.</summary>
    public static Fault Stalls(Place place, long afterBytes) => new(place, (_, plan) =>
    {
        plan.StallAfter = afterBytes;
        return false;
    });

    /// <summary>One byte of the file is another.</summary>
    public static Fault Damages(Place place, long offset) => new(place, (_, plan) =>
    {
        plan.DamagedOffset = offset;
        return false;
    });

    public static Fault Header(Place place, string name, string? value) => new(place, (_, plan) =>
    {
        plan.Headers[name] = value;
        return false;
    });

    /// <summary>The body holds other bytes than its Content-Range would have to say.</summary>
    public static Fault ShiftsRange(Place place, long by) => new(place, (_, plan) =>
    {
        plan.Shift = by;
        return false;
    });

    /// <summary>The file is said to be so much longer.</summary>
    public static Fault ClaimsLength(Place place, long more) => new(place, (_, plan) =>
    {
        plan.ClaimedMore = more;
        return false;
    });

    public static (string Name, string Value) RetryAfter(int seconds) => ("Retry-After", seconds.ToString(CultureInfo.InvariantCulture));
}
