using ExpoCluster.Core.Hub;
using ExpoCluster.TestHub;

namespace ExpoCluster.Core.Tests.Hub.Hostile;

/// <summary>One thing that a Hub, or somebody who plays it, might answer to do harm, and what comes of it. docs/security.md has the same table.</summary>
/// <param name="Name">As the document has it.</param>
/// <param name="Outcome">The code of the refusal; <c>taken</c> where there is no harm in it.</param>
/// <param name="Arrange">Makes the Hub hostile.</param>
internal sealed record HostileAnswer(string Name, string Outcome, Action<HostileHub> Arrange)
{
    private static readonly TimeSpan Drip = TimeSpan.FromMilliseconds(20);

    public static readonly HostileAnswer[] All =
    [
        // Redirects.
        Redirect("a redirect to `file:///etc/passwd`", _ => "file:///etc/passwd"),
        Redirect("a redirect to `ftp:`", _ => "ftp://127.0.0.1/x"),
        Redirect("a redirect to the machine's own link, `169.254.169.254`", _ => "http://169.254.169.254/latest/meta-data/"),
        Redirect("the same as `[fe80::1]`", _ => "http://[fe80::1]/"),
        Redirect("the same, written as an address of IPv6", _ => "http://[::ffff:169.254.169.254]/"),
        Redirect("the same, written as one number", _ => "http://2852039166/"),
        Redirect("a redirect to `0.0.0.0`", hub => $"http://0.0.0.0:{hub.OtherPort}/"),
        Redirect("a redirect to everybody, `255.255.255.255`", _ => "http://255.255.255.255/"),
        Redirect("a redirect to a name that is none", _ => $"http://{new string('\u00ff', 70)}/", HubErrors.Unreachable),
        Redirect("a redirect to nothing", _ => "http://"),
        Redirect("redirects in a circle", _ => "?again"),
        Redirect("a redirect to another port of the Hub's host", hub => $"http://127.0.0.1:{hub.OtherPort}/", HubErrors.ServerFailed),
        Redirect("a redirect to another name of the Hub's host", hub => $"http://localhost:{hub.OtherPort}/", HubErrors.ServerFailed),
        Redirect("a redirect to another port with a user's name in it", hub => $"http://user:password@127.0.0.1:{hub.OtherPort}/", HubErrors.ServerFailed),
        Redirect("a redirect of the question what a branch means, to another port", hub => $"http://127.0.0.1:{hub.OtherPort}/", HubErrors.ServerFailed, Place.Revision),
        Redirect("a redirect of the list of files, to another port", hub => $"http://127.0.0.1:{hub.OtherPort}/", HubErrors.ServerFailed, Place.Tree),
        // Bodies.
        File("less than Content-Length says, ten bytes each time", (request, hub, stream) => hub.SendWeightsAsync(request, stream, bytes: 10), HubErrors.Unreachable),
        File("a 206 of one byte, again and again", (request, hub, stream) => hub.SendWeightsAsync(request with { Range = (request.Range!.Value.First, request.Range.Value.First) }, stream), HubErrors.Unreachable),
        File("a 206 of nothing, again and again", (request, hub, stream) => hub.SendWeightsAsync(request, stream, bytes: 0), HubErrors.Unreachable),
        File("a 206 of another range", (request, hub, stream) => hub.SendWeightsAsync(request with { Range = (1, 100) }, stream), HubErrors.WrongLength),
        File("a 206 that does not say of what", (_, hub, stream) => hub.SendAsync(stream, "206 Partial Content", HostileHub.OfWeights(), "abc"), HubErrors.WrongLength),
        File("a 206 of a longer file than listed", (_, hub, stream) => hub.SendAsync(stream, "206 Partial Content", HostileHub.OfWeights() + "Content-Range: bytes 0-2/100001\r\n", "abc"), HubErrors.WrongLength),
        File("a 206 with numbers that are none", (_, hub, stream) => hub.SendAsync(stream, "206 Partial Content", HostileHub.OfWeights() + "Content-Range: bytes 0-99999999999999999999/*\r\n", "abc"), HubErrors.WrongLength),
        File("a 200 of another length than listed", (_, hub, stream) => hub.SendAsync(stream, "200 OK", HostileHub.OfWeights(), "abc"), HubErrors.WrongLength),
        File("a Content-Length below zero", (_, hub, stream) => hub.WriteAsync(stream, "HTTP/1.1 200 OK\r\nContent-Length: -1\r\nConnection: close\r\n\r\n"), HubErrors.NotAHub),
        File("compressed bytes", (_, hub, stream) => hub.SendAsync(stream, "206 Partial Content", HostileHub.OfWeights() + "Content-Encoding: gzip\r\n", "abc"), HubErrors.NotAHub),
        File("an ETag that changes from one range to the next", (request, hub, stream) => hub.SendWeightsAsync(request, stream, bytes: 50_000, etag: request.Range!.Value.First == 0 ? "" : new string('a', 64)), HubErrors.WrongEtag),
        File("a file of another commit", (_, hub, stream) => hub.SendAsync(stream, "200 OK", $"X-Repo-Commit: {new string('a', 40)}\r\n", ""), HubErrors.NotAHub),
        File("weights, a byte at a time", (request, hub, stream) => DripAsync(request, hub, stream), HubErrors.Unreachable),
        File("a head, a byte at a time", async (_, hub, stream) =>
        {
            await hub.WriteAsync(stream, "HTTP/1.1 206 OK\r\nX-Slow: ");
            await hub.WriteForEverAsync(stream, "x", Drip);
        }, HubErrors.Unreachable),
        File("a head without end", async (_, hub, stream) =>
        {
            await hub.WriteAsync(stream, "HTTP/1.1 206 OK\r\n");
            await hub.WriteForEverAsync(stream, "X-More: " + new string('x', 4000) + "\r\n");
        }, HubErrors.Unreachable),
        File("`100 Continue` without end", (_, hub, stream) => hub.WriteForEverAsync(stream, "HTTP/1.1 100 Continue\r\n\r\n"), HubErrors.Unreachable),
        File("no answer", (_, hub, stream) => hub.WriteForEverAsync(stream, "", TimeSpan.FromSeconds(1)), HubErrors.Unreachable),
        File("what is no HTTP", (_, hub, stream) => hub.WriteAsync(stream, "SSH-2.0-OpenSSH\r\n\r\n"), HubErrors.Unreachable),
        File("an error whose text has no end", async (_, hub, stream) =>
        {
            await hub.WriteAsync(stream, "HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n");
            await hub.WriteForEverAsync(stream, "1000\r\n" + new string(' ', 0x1000) + "\r\n");
        }, HubErrors.UnexpectedStatus),
        // Waits.
        File("429 with `Retry-After: 1000000000`", Status("429 Too Many Requests", "Retry-After: 1000000000\r\n"), HubErrors.RateLimited),
        File("429 with `Retry-After: 1e9`", Status("429 Too Many Requests", "Retry-After: 1e9\r\n"), HubErrors.RateLimited),
        File("429 with `Retry-After: -1`", Status("429 Too Many Requests", "Retry-After: -1\r\n"), HubErrors.RateLimited),
        File("429 until the year 2100", Status("429 Too Many Requests", "Retry-After: Fri, 01 Jan 2100 00:00:00 GMT\r\n"), HubErrors.RateLimited),
        File("429 again and again, ten minutes each time", Status("429 Too Many Requests", "Retry-After: 599\r\n"), HubErrors.RateLimited),
        File("500 again and again", Status("500 Internal Server Error", ""), HubErrors.ServerFailed),
        // Lists of files.
        Listed("a name that climbs: `../x`", "../x", HubErrors.UnsafePath),
        Listed("a name that is absolute: `/etc/x`", "/etc/x", HubErrors.UnsafePath),
        Listed("a name with backslashes: `..\\x`", "..\\\\x", HubErrors.UnsafePath),
        Listed("a name with a NUL", "a\\u0000b", HubErrors.UnsafePath),
        Listed("a name with a line break", "a\\nerror EXPO1101 b", HubErrors.BadName),
        Listed("a name that drives the terminal", "a\\u001b[2Jb", HubErrors.BadName),
        Listed("a name of 300 characters", new string('x', 300), HubErrors.BadName),
        Listed("half a surrogate pair in a name", "a\\ud800", HubErrors.NotAHub),
        Tree("a size of `1e30`", _ => "[" + HostileHub.Entry("x").Replace("5", "1e30", StringComparison.Ordinal) + "]", HubErrors.NotAHub),
        Tree("a size of 9 exabytes", _ => "[" + HostileHub.Entry("x", size: long.MaxValue) + "]", HubErrors.NotAHub),
        Tree("a digest that climbs", _ => "[" + HostileHub.Entry("x", oid: "../../x") + "]", HubErrors.NotAHub),
        Tree("a name that means two files", _ => $"[{HostileHub.Entry("x")}, {HostileHub.Entry("x", oid: new string('a', 40))}]", HubErrors.ContradictoryListing),
        Tree("a name that is a file and a folder", _ => $"[{HostileHub.Entry("x")}, {HostileHub.Entry("x/y/z")}]", HubErrors.ContradictoryListing),
        Tree("names that differ only in case, which are two files", _ => $"[{HostileHub.EntryOfWeights()}, {HostileHub.Entry("Model.safetensors")}]", "taken"),
        Tree("lists in lists, 100,000 deep", _ => new string('[', 100_000), HubErrors.NotAHub),
        Tree("no JSON", _ => "}{", HubErrors.NotAHub),
        Tree("the same page again and again", _ => $"[{HostileHub.EntryOfWeights()}]", HubErrors.EndlessListing, (_, _) => "?again"),
        Tree("pages without end", _ => "[]", HubErrors.EndlessListing, (request, _) => $"?cursor={NumberOf(request) + 1}"),
        Tree("a million files", MillionOf, HubErrors.EndlessListing, (request, _) => $"?cursor={NumberOf(request) + 1}"),
        Tree("a next page at `file:`", _ => "[]", HubErrors.NotAHub, (_, _) => "file:///etc/passwd"),
        Tree("a next page at `javascript:`", _ => "[]", HubErrors.NotAHub, (_, _) => "javascript:alert(1)"),
        Tree("a next page at another port of the Hub's host", _ => "[]", HubErrors.NotAHub, (_, hub) => $"http://127.0.0.1:{hub.OtherPort}/"),
        Tree("a next page at a name that is none", _ => "[]", HubErrors.NotAHub, (_, _) => "http://\u00ad/"),
        new("a list of files without end, in one page", HubErrors.NotAHub, hub => hub.Answers[Place.Tree] = async (_, hub, stream) =>
        {
            await hub.WriteAsync(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n");
            await hub.WriteForEverAsync(stream, "10000\r\n" + new string(' ', 0x10000) + "\r\n");
        }),
        new("a list of files, a byte at a time", HubErrors.Unreachable, hub => hub.Answers[Place.Tree] = async (_, hub, stream) =>
        {
            await hub.WriteAsync(stream, "HTTP/1.1 200 OK\r\n\r\n[");
            await hub.WriteForEverAsync(stream, " ", Drip);
        }),
        new("brackets that open and never close, 60,000 of them, where the next page is named", "taken", hub => hub.Answers[Place.Tree] = (_, hub, stream) =>
            hub.SendAsync(stream, "200 OK", "Link: " + new string('<', 60_000) + "\r\n", $"[{HostileHub.EntryOfWeights()}]")),
        // What a branch means.
        Revision("a commit that is none: `main`", """{"sha": "main"}"""),
        Revision("a commit that climbs", """{"sha": "../../../../../../../../../../../../../x"}"""),
        Revision("a page that asks to sign in, with tabs in it", "<html>\t<title>Sign\tin</title>\t</html>", "Content-Type: text/html\r\n"),
        Revision("the same, which says that it is JSON", "<html>\t<title>Sign\tin</title>\t</html>", "Content-Type: application/json\r\n"),
    ];

    private static int NumberOf(HostileRequest request) =>
        request.Target.Split("cursor=") is [_, var number] ? int.Parse(number, System.Globalization.CultureInfo.InvariantCulture) : 0;

    private static string MillionOf(HostileRequest request) => NumberOf(request) < 1000
        ? "[" + string.Join(',', Enumerable.Range(NumberOf(request) * 1000, 1000).Select(number => HostileHub.Entry($"file-{number}"))) + "]"
        : "[]";

    private static Func<HostileRequest, HostileHub, Stream, Task> Status(string status, string headers) => (_, hub, stream) => hub.SendAsync(stream, status, headers, "");

    private static async Task DripAsync(HostileRequest request, HostileHub hub, Stream stream)
    {
        await hub.SendWeightsAsync(request, stream, bytes: 1);
        await hub.WriteForEverAsync(stream, "x", Drip);
    }

    private static HostileAnswer Redirect(string name, Func<HostileHub, string> location, string outcome = HubErrors.BadRedirect, Place place = Place.Resolve) => new(
        name, outcome, hub => hub.Answers[place] = (_, hub, stream) => hub.WriteAsync(
            stream, System.Text.Encoding.Latin1.GetBytes($"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nConnection: close\r\nLocation: {location(hub)}\r\n\r\n")));

    private static HostileAnswer File(string name, Func<HostileRequest, HostileHub, Stream, Task> answer, string outcome) =>
        new(name, outcome, hub => hub.Answers[Place.Resolve] = answer);

    private static HostileAnswer Listed(string name, string path, string outcome) => Tree(name, _ => "[" + HostileHub.Entry(path) + "]", outcome);

    private static HostileAnswer Tree(
        string name, Func<HostileRequest, string> page, string outcome, Func<HostileRequest, HostileHub, string>? next = null) => new(
            name, outcome, hub => hub.Answers[Place.Tree] = async (request, hub, stream) =>
            {
                string link = next is null ? "" : $"Link: <{next(request, hub)}>; rel=\"next\"\r\n";
                byte[] body = System.Text.Encoding.UTF8.GetBytes(page(request));
                await hub.WriteAsync(stream, System.Text.Encoding.Latin1.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\nConnection: close\r\n{link}\r\n"));
                await hub.WriteAsync(stream, body);
            });

    private static HostileAnswer Revision(string name, string body, string headers = "") =>
        new(name, HubErrors.NotAHub, hub => hub.Answers[Place.Revision] = (_, hub, stream) => hub.SendAsync(stream, "200 OK", headers, body));
}
