using System.Text;
using System.Text.Json.Nodes;
using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Server.Tests.Hostile;

/// <summary>One thing that somebody might send to do harm, and what comes of it. docs/security.md has the same table.</summary>
/// <param name="Name">As the document has it.</param>
/// <param name="Refusal">The status and the problem's code; <c>no body</c> where the web server refuses by itself, before there is a request.</param>
/// <param name="TryAsync">Does it.</param>
internal sealed record HostileInput(string Name, string Refusal, Func<HostileScene, Task<string>> TryAsync)
{
    private const long HundredMegabytes = 100_000_000;

    public static readonly HostileInput[] All =
    [
        // Paths.
        Path("`base` that climbs: `../../etc`", "base", "../../etc", "422 EXPO5020"),
        Path("`aligned` that is absolute: `/etc`", "aligned", "/etc", "422 EXPO5020"),
        Path("`out` that climbs: `models/../../out`", "out", "models/../../out", "422 EXPO5020"),
        Path("`out` that is absolute: `/tmp/elsewhere`", "out", "/tmp/elsewhere", "422 EXPO5020"),
        Path("`base` through a link that leads out", "base", "leads-out", "422 EXPO5020"),
        Path("`out` through a link that leads out", "out", "leads-out/out", "422 EXPO5020"),
        Path("a link that leads to itself", "base", "circle", "422 EXPO5020"),
        Path("a checkpoint whose weights are a link that leads out", "aligned", "weights-outside", "422 EXPO5020"),
        Path("a checkpoint whose tokenizer is a link that leads out", "aligned", "tokenizer-outside", "422 EXPO5020"),
        Path("an index that names weights in another directory", "aligned", "index-outside", "422 EXPO1116"),
        Path("`out` that is the storage root", "out", ".", "422 EXPO2081"),
        Path("`out` inside an input", "out", "aligned/out", "422 EXPO2081"),
        Path("`out` that is a pipe", "out", "pipe", "409 EXPO4020"),
        Path("`out` below a pipe", "out", "pipe/out", "409 EXPO4020"),
        Path("`out` that is a link to a file", "out", "link-to-file", "409 EXPO4020"),
        Path("`out` that is a link to nothing", "out", "dangling", "409 EXPO4020"),
        Path("`out` with the name of the storage's token: `.expocluster-storage`", "out", ".expocluster-storage", "422 EXPO2095"),
        Path("`out` with the name of a record: `models/expocluster.json`", "out", "models/expocluster.json", "422 EXPO2095"),
        Path("percent-encoded dots: `%2e%2e/etc`", "base", "%2e%2e/etc", "422 EXPO1101"),
        Path("backslashes: `..\\..\\etc`", "base", "..\\..\\etc", "422 EXPO1101"),
        Path("a name that reads from right to left", "base", "\u202ecte/", "422 EXPO1101"),
        Path("a NUL in a path", "base", "base\0/etc", "422 EXPO2016"),
        Path("a line break in a path", "out", "out\nx", "422 EXPO2016"),
        Path("a name of 300 characters", "out", new string('x', 300), "422 EXPO5020"),
        Path("a path of 100,000 characters", "base", new string('x', 100_000), "422 EXPO5020"),
        Path("a path of 100,000 directories", "out", string.Concat(Enumerable.Repeat("x/", 100_000)), "422 EXPO5020"),
        Path("a model of the Hub that climbs: `hf:../../etc`", "base", "hf:../../etc", "422 EXPO1150"),
        Path("a revision that climbs: `hf:org/name@../../x`", "base", "hf:org/name@../../x", "422 EXPO1150"),
        // Bodies.
        Raw("a body of 100 MB", $"POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {HundredMegabytes}\r\nConnection: close\r\n\r\n", HundredMegabytes, "413 EXPO5103"),
        Raw("a body without end, in pieces", "POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n7FFFFFF\r\n", HundredMegabytes, "413 EXPO5103"),
        Body("no body", "", "400 EXPO5104"),
        Body("JSON that ends early", """{"base": "ba""", "400 EXPO5104"),
        Body("JSON and more behind it", "{} {}", "400 EXPO5104"),
        Body("a key twice", """{"alpha": 1, "alpha": 2}""", "400 EXPO5104"),
        Body("half a surrogate pair in a text", """{"id": "\ud800"}""", "400 EXPO5104"),
        Body("half a surrogate pair in a key", """{"\udc00": 1}""", "400 EXPO5104"),
        Body("lists in lists, 100,000 deep", "{\"alpha\": " + new string('[', 100_000), "400 EXPO5104"),
        Body("objects in objects, 100 deep", string.Concat(Enumerable.Repeat("{\"recipe\": ", 100)) + "1" + new string('}', 100), "400 EXPO5104"),
        Body("a list instead of an object", "[]", "422 EXPO2012"),
        Body("XML", "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><x>&e;</x>", "415 EXPO5104", "application/xml"),
        Body("a form", "base=base&aligned=aligned", "415 EXPO5104", "application/x-www-form-urlencoded"),
        new("compressed JSON", "400 EXPO5104", async scene => Text(await scene.SendAsync(HttpMethod.Post, "/api/jobs", request =>
        {
            request.Content = new ByteArrayContent([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
            request.Content.Headers.ContentType = new("application/json");
            request.Content.Headers.ContentEncoding.Add("gzip");
        }))),
        // Recipes.
        Recipe("a sweep of 10,000 alphas", "sweep", new JsonArray([.. Enumerable.Range(0, 10_000).Select(number => JsonValue.Create(number))]), "422 EXPO2013"),
        Recipe("10,000 patterns", "alpha", new JsonArray([.. Enumerable.Range(0, 10_000).Select(number => new JsonObject { ["match"] = $"*{number}*", ["alpha"] = 0.1 })]), "422 EXPO2013"),
        Recipe("a sweep of 101 alphas", "sweep", new JsonArray([.. Enumerable.Range(0, 101).Select(number => JsonValue.Create(number))]), "422 EXPO2031", without: "alpha"),
        Body("80,000 keys", "{" + string.Join(',', Enumerable.Range(0, 80_000).Select(number => $"\"k{number}\":1")) + "}", "422 EXPO2013"),
        Body("a key of 500,000 characters", $"{{\"{new string('k', 500_000)}\": 1}}", "422 EXPO2002"),
        Recipe("an alpha of 400 digits", "alpha", JsonNode.Parse(new string('9', 400)), "422 EXPO2004"),
        Recipe("an alpha of 500,000 digits", "alpha", JsonNode.Parse(new string('9', 500_000)), "422 EXPO2004"),
        Recipe("an alpha that is no number: `\"NaN\"`", "alpha", "NaN", "422 EXPO2004"),
        Recipe("a seed of 65 bits", "seed", JsonNode.Parse("18446744073709551616"), "422 EXPO2032"),
        Recipe("files of `1e400` bytes", "max_shard_size", JsonNode.Parse("1e400"), "422 EXPO2008"),
        Recipe("a recipe that is none of the built-in ones: `../../etc/passwd`", "recipe", "../../etc/passwd", "422 EXPO2017"),
        // Ids and addresses.
        Recipe("an id with slashes: `../x`", "id", "../x", "422 EXPO2090"),
        Recipe("an id of 64 characters", "id", new string('a', 64), "422 EXPO2090"),
        Recipe("an id of 500,000 characters", "id", new string('a', 500_000), "422 EXPO2090"),
        Recipe("an id that ends with a line break", "id", "abc\n", "422 EXPO2090"),
        Recipe("an id that is a number", "id", 1, "422 EXPO2090"),
        Get("a job's address with a slash in it: `/api/jobs/..%2F..%2Fetc`", "/api/jobs/..%2F..%2Fetc%2Fpasswd", "404 EXPO3011"),
        Get("a job's address of 5,000 characters", "/api/jobs/" + new string('a', 5000), "404 EXPO3011"),
        Get("a job's address that is no UTF-8: `%FF`", "/api/jobs/%FF%FE", "404 EXPO3011"),
        Get("a job's address with quotes: `' or 1=1 --`", "/api/jobs/'%20or%201=1%20--", "404 EXPO3011"),
        Get("a cursor with a NUL", "/api/jobs?cursor=1.a%00b", "400 EXPO5110"),
        Get("a cursor that is a number too large", "/api/jobs?cursor=99999999999999999999.a", "400 EXPO5110"),
        Get("a page of 2147483648 jobs", "/api/jobs?limit=2147483648", "400 EXPO5110"),
        Get("a state that is none", "/api/jobs?state=x'", "400 EXPO5110"),
        Raw("an address that climbs: `GET /assets/../../../etc/passwd`", "GET /assets/../../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 0, "404 EXPO5106"),
        Raw("an address with a NUL", "GET /api/jobs/a%00b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 0, "400 no body"),
        Raw("an address of 20,000 characters", $"GET /api/jobs/{new string('a', 20_000)} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 0, "414 no body"),
        Raw("a header of 100,000 characters", $"GET /api/jobs HTTP/1.1\r\nHost: localhost\r\nX-Long: {new string('a', 100_000)}\r\nConnection: close\r\n\r\n", 0, "431 no body"),
        Raw("1,000 headers", $"GET /api/jobs HTTP/1.1\r\nHost: localhost\r\n{string.Concat(Enumerable.Range(0, 1000).Select(number => $"X-{number}: a\r\n"))}\r\n", 0, "431 no body"),
        Raw("two lengths, to smuggle a second request", "POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 40\r\n\r\n{}", 0, "400 no body"),
        Raw("a request to another host's name", "GET /api/jobs HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 0, "403 EXPO5107"),
        new("a request that a page of another site makes", "403 EXPO5107", async scene => Text(await scene.GetAsync("/api/jobs", request => request.Headers.Add("Origin", "https://evil.example")))),
        new("a method that is none: `DESTROY`", "405 EXPO5106", async scene => Text(await scene.SendAsync(new HttpMethod("DESTROY"), "/api/jobs"))),
        // Recipe files, which the command reads.
        File("a file of aliases that stand for ten aliases each", Bomb(), "exit 2 EXPO2014"),
        File("a file of lists in lists, 100,000 deep", "alpha: " + new string('[', 100_000), "exit 2 EXPO2011"),
        File("a file of 2 MB", "name: " + new string('x', 2_000_000), "exit 2 EXPO2013"),
        File("a file with 10,000 patterns", "alpha:\n" + string.Concat(Enumerable.Range(0, 10_000).Select(number => $"- {{match: '{number}', alpha: 1}}\n")), "exit 2 EXPO2013"),
        File("a file that asks for an object to be made: `!!python/object/apply`", "base: !!python/object/apply:os.system ['id']\n", "exit 2 EXPO2009"),
        File("a file that is no text", "\u0001\u0002\u0003\0", "exit 2 EXPO2012"),
        File("a file of two documents", "base: a\n---\nbase: b\n", "exit 2 EXPO2012"),
    ];

    private static HostileInput Path(string name, string key, string path, string refusal) => Recipe(name, key, path, refusal);

    private static HostileInput Recipe(string name, string key, JsonNode? value, string refusal, string? without = null) => new(name, refusal, async scene =>
    {
        JsonObject recipe = new() { ["base"] = "base", ["aligned"] = "aligned", ["alpha"] = 0.5, ["out"] = "out" };
        recipe[key] = value?.DeepClone();
        if (without is not null)
        {
            recipe.Remove(without);
        }

        return Text(await scene.SubmitAsync(recipe.ToJsonString()));
    });

    private static HostileInput Body(string name, string body, string refusal, string mediaType = "application/json") =>
        new(name, refusal, async scene => Text(await scene.SubmitAsync(body, mediaType)));

    private static HostileInput Get(string name, string path, string refusal) => new(name, refusal, async scene => Text(await scene.GetAsync(path)));

    private static HostileInput Raw(string name, string head, long bodyBytes, string refusal) => new(name, refusal, async scene =>
    {
        Answer answer = await scene.SendRawAsync(head, bodyBytes);
        // What was sent and not taken waits in the system's buffers, on both sides.
        Assert.True(bodyBytes == 0 || scene.Taken < bodyBytes / 4, $"{scene.Taken} of {bodyBytes} bytes were taken");
        return Text(answer);
    });

    private static HostileInput File(string name, string text, string refusal) => new(name, refusal, _ =>
    {
        string[] codes = [.. RecipeDraft.FromYaml(text, "recipe.yaml").Validate().Problems.Select(problem => problem.Code)];
        return Task.FromResult("exit 2 " + (codes.FirstOrDefault(refusal.EndsWith) ?? codes[0]));
    });

    private static string Text(Answer answer)
    {
        Assert.True(answer.Body.Length < 200_000, $"an answer of {answer.Body.Length} characters");
        Assert.DoesNotContain("   at ", answer.Body, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", answer.Body, StringComparison.Ordinal);
        Assert.DoesNotContain(HostileScene.Secret, answer.Body, StringComparison.Ordinal);
        return $"{answer.Status} {answer.Code ?? "no body"}";
    }

    private static string Bomb()
    {
        var text = new StringBuilder("a: &a ['x','x']\n");
        for (char name = 'b'; name <= 'k'; name++)
        {
            char before = (char)(name - 1);
            text.Append(name).Append(": &").Append(name).Append(" [").AppendJoin(',', Enumerable.Repeat("*" + before, 10)).Append("]\n");
        }

        return text.ToString();
    }
}
