using System.Globalization;
using System.Net;
using System.Security.Claims;
using ExpoCluster.Tensors;
using Microsoft.AspNetCore.Http;

namespace ExpoCluster.Server.Access;

/// <summary>Whoever makes a request, or looks at a page.</summary>
/// <param name="Name">As jobs and the log have it; null for somebody who said nothing of himself.</param>
/// <param name="Role">Null for none.</param>
internal sealed record Visitor(string? Name, AccessRole? Role)
{
    public const string NoRole = "none";

    private const string SubjectClaim = "sub";
    private const string EndClaim = "exp";
    private const string AddressClaim = "address";
    private const int MaxLength = 100;

    /// <summary>By which the authority knows him, whatever becomes of his name; null where names do not change.</summary>
    public string? Subject { get; init; }

    /// <summary>When his token is good no longer; null for never.</summary>
    public DateTimeOffset? End { get; init; }

    /// <summary>Where he comes from.</summary>
    public string? Address { get; init; }

    /// <summary>His token is good no longer.</summary>
    public bool IsOver(DateTimeOffset now) => End <= now;

    public static Visitor Of(ClaimsPrincipal principal) => new(
        principal.Identity is { IsAuthenticated: true, Name: { } name } ? name : null,
        Enum.TryParse(principal.FindFirstValue(ClaimTypes.Role), out AccessRole role) ? role : null)
    {
        Subject = principal.FindFirstValue(SubjectClaim),
        End = long.TryParse(principal.FindFirstValue(EndClaim), NumberStyles.None, CultureInfo.InvariantCulture, out long seconds)
            ? DateTimeOffset.FromUnixTimeSeconds(seconds)
            : null,
        Address = principal.FindFirstValue(AddressClaim),
    };

    public static Visitor Of(HttpContext context) => Of(context.User) with { Address = AddressOf(context) };

    /// <summary>So that what knows the user only, as a page does, knows where he comes from.</summary>
    public static void NoteAddress(HttpContext context) =>
        context.User.AddIdentity(new ClaimsIdentity([new Claim(AddressClaim, AddressOf(context))]));

    public static string AddressOf(HttpContext context) => context.Connection.RemoteIpAddress switch
    {
        null => "unknown",
        { IsIPv4MappedToIPv6: true } mapped => mapped.MapToIPv4().ToString(),
        IPAddress address => address.ToString(),
    };

    /// <summary>A name that can stand in a line of a log, whoever chose it.</summary>
    public static string Plain(string text)
    {
        string line = string.Concat(text.Where(character => !char.IsControl(character) && !char.IsSurrogate(character)));
        return Printable.Line(line.Length > MaxLength ? line[..MaxLength] + "…" : line);
    }

    /// <param name="scheme">By which he was recognized.</param>
    public ClaimsPrincipal ToPrincipal(string scheme)
    {
        var identity = new ClaimsIdentity(scheme);
        identity.AddClaim(new Claim(ClaimTypes.Name, Plain(Name ?? "")));
        Add(ClaimTypes.Role, Role?.ToString());
        Add(SubjectClaim, Subject is null ? null : Plain(Subject));
        Add(EndClaim, End?.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
        return new ClaimsPrincipal(identity);

        void Add(string type, string? value)
        {
            if (value is not null)
            {
                identity.AddClaim(new Claim(type, value));
            }
        }
    }
}
