using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace ExpoCluster.EndToEnd;

/// <summary>The dashboard in a browser, against nodes that are processes of their own.</summary>
public sealed partial class DashboardTests : IDisposable
{
    private const float Patience = 60_000;

    private readonly string server = $"http://127.0.0.1:{PostgresServer.FreePort()}";
    private readonly Workplace place = new("512MB");
    private PostgresServer? database;
    private NodeProcesses? nodes;

    public void Dispose()
    {
        nodes?.Dispose();
        database?.Dispose();
        place.Dispose();
    }

    [LongFact(Needs.Browser, Needs.Postgres)]
    public async Task A_job_of_the_form_is_watched_loses_a_worker_and_is_cancelled()
    {
        // Slow enough that every page is photographed before it ends, and fast enough that its parts are done within a minute.
        ExpoProcess[] workers = StartCluster("2MB");
        await using DashboardBrowser browser = await DashboardBrowser.StartAsync(server);
        IPage cluster = await browser.OpenAsync("/");
        IPage page = await browser.OpenAsync("/new");

        await SubmitAsync(page, "0.1,0.3,0.5", "sweep");

        // It moves by itself.
        ILocator progress = page.Locator("[data-test=progress]");
        await Expect(progress).Not.ToHaveTextAsync("0 %", new() { Timeout = Patience });
        string before = await progress.InnerTextAsync();
        await Expect(progress).Not.ToHaveTextAsync(before, new() { Timeout = Patience });
        await Expect(page.GetByText("Being computed")).ToBeVisibleAsync();

        ILocator rows = cluster.Locator("[data-test=nodes] tbody tr");
        await Expect(rows.Filter(new() { HasText = "part" })).ToHaveCountAsync(workers.Length, new() { Timeout = Patience });
        await PhotographAllAsync(browser, page, cluster);
        ILocator lanes = page.Locator("[data-test=lanes] tbody tr");
        string doomed = MemberAddress().Match(workers[0].Errors).Groups[1].Value;
        string[] its = [.. await lanes.Filter(new() { HasText = doomed }).Locator("td:nth-child(2)").AllInnerTextsAsync()];
        Assert.NotEmpty(its);

        workers[0].Kill();
        // Faster than the others, so that the parts of the lost one soon have their turn, and slow enough to be seen with them.
        nodes!.Start("worker", 0, "--max-rate", "8MB");
        // Looked for from now on: one of them may be done before the lost worker is marked.
        Task moved = Task.WhenAll(its.Select(part => Expect(lanes
            .Filter(new() { Has = page.GetByRole(AriaRole.Cell, new() { Name = part, Exact = true }) })
            .Filter(new() { HasNotText = doomed })).ToHaveCountAsync(1, new() { Timeout = 4 * Patience })));

        await Expect(cluster.Locator("[data-test=nodes] .mark").Filter(new() { HasTextRegex = LostOrUnreachable() })).ToHaveCountAsync(1, new() { Timeout = Patience });
        await Expect(cluster.Locator("[data-test=nodes] .mark").Filter(new() { HasText = "lost" })).ToHaveCountAsync(1, new() { Timeout = Patience });
        await Expect(page.GetByText("the worker was lost; the part is offered again").First).ToBeVisibleAsync(new() { Timeout = Patience });
        await Expect(lanes.Filter(new() { HasText = doomed })).ToHaveCountAsync(0, new() { Timeout = Patience });
        await moved;
        before = await progress.InnerTextAsync();
        await Expect(progress).Not.ToHaveTextAsync(before, new() { Timeout = Patience });

        await page.GetByRole(AriaRole.Button, new() { Name = "Cancel job" }).ClickAsync();
        await page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Cancel job" }).ClickAsync();
        await Expect(page.Locator(".page-head .mark")).ToHaveTextAsync("cancelled", new() { Timeout = Patience });
        Assert.Empty(browser.Complaints);
    }

    [LongFact(Needs.Browser)]
    public async Task An_unknown_address_leads_back()
    {
        using ExpoProcess node = ExpoProcess.Start("node", "--database", $"sqlite:{place.PathOf("jobs.db")}", "--storage-root", place.Root, "--port", "0", "--http", server);
        NodeProcesses.WaitFor(node, "serving");
        await using DashboardBrowser browser = await DashboardBrowser.StartAsync(server);

        IPage page = await browser.OpenAsync("/no/such/page", width: 390, isDark: true);

        await Expect(page.GetByText("There is no page at /no/such/page")).ToBeVisibleAsync();
        await DashboardBrowser.AssertAccessibleAsync(page);
        await DashboardBrowser.AssertFitsAsync(page);
        await page.GetByRole(AriaRole.Link, new() { Name = "Back to the start" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Cluster" })).ToBeVisibleAsync(new() { Timeout = Patience });
    }

    [LongFact(Needs.Browser, Needs.Postgres)]
    public async Task A_report_compares_the_alphas_of_a_sweep_and_those_of_another_job()
    {
        StartCluster("200MB");
        await using DashboardBrowser browser = await DashboardBrowser.StartAsync(server);
        IPage page = await browser.OpenAsync("/new");
        await SubmitAsync(page, "0.5", "other");
        string other = page.Url.Split('/')[^1];
        await Expect(page.Locator(".page-head .mark")).ToHaveTextAsync("done", new() { Timeout = 2 * Patience });
        await page.GotoAsync("/new");
        await SubmitAsync(page, "0.1, 0.3", "sweep");
        await Expect(page.Locator(".page-head .mark")).ToHaveTextAsync("done", new() { Timeout = 2 * Patience });

        await page.GetByRole(AriaRole.Link, new() { Name = "Model report" }).ClickAsync();

        await Expect(page.GetByText("Models side by side")).ToBeVisibleAsync(new() { Timeout = Patience });
        await Expect(page.Locator(".heat-map.values").First.GetByRole(AriaRole.Columnheader)).ToHaveTextAsync(["tensors", "α 0.10", "α 0.30"]);
        await Expect(page.GetByText("Relative change ‖Δ‖")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Tab, new() { Name = "α 0.30" }).ClickAsync();
        await Expect(page.Locator(".report-facts").First).ToContainTextAsync("0.30");
        await DashboardBrowser.AssertAccessibleAsync(page);
        await DashboardBrowser.PhotographAsync(page, "report", isWhole: true);
        await page.GetByLabel("Compare with").First.ClickAsync();
        await page.GetByRole(AriaRole.Option).Filter(new() { HasText = other }).ClickAsync();
        await Expect(page.Locator(".heat-map.values").First.GetByRole(AriaRole.Columnheader)).ToHaveTextAsync(["tensors", "α 0.10", "α 0.30", "α 0.50"]);
        foreach ((string alpha, string directory) in new[] { ("0.10", "sweep/alpha-0.1"), ("0.30", "sweep/alpha-0.3"), ("0.50", "other") })
        {
            await Expect(page.Locator(".figures").First.GetByRole(AriaRole.Row).Filter(new() { HasText = $"α {alpha}" }).GetByRole(AriaRole.Cell).Nth(1))
                .ToHaveTextAsync(Reached(directory));
        }

        IPage narrow = await browser.OpenAsync(new Uri(page.Url).AbsolutePath, width: 390, isDark: true);
        await Expect(narrow.GetByText("Models side by side")).ToBeVisibleAsync();
        await DashboardBrowser.AssertAccessibleAsync(narrow);
        await DashboardBrowser.AssertFitsAsync(narrow);
        await DashboardBrowser.PhotographAsync(narrow, "report-narrow");
        Assert.Empty(browser.Complaints);
    }

    [LongFact(Needs.Browser)]
    public async Task A_suspended_job_is_resumed_and_what_is_wrong_stands_at_its_field()
    {
        using ExpoProcess node = ExpoProcess.Start(
            "node", "--database", $"sqlite:{place.PathOf("jobs.db")}", "--storage-root", place.Root, "--port", "0", "--http", server, "--lanes", "1", "--max-rate", "8MB");
        NodeProcesses.WaitFor(node, "serving");
        await using DashboardBrowser browser = await DashboardBrowser.StartAsync(server);
        IPage page = await browser.OpenAsync("/new");
        await FillAsync(page, "much", "out");
        await page.GetByLabel("Base", new() { Exact = true }).FillAsync("nowhere");
        await page.GetByRole(AriaRole.Button, new() { Name = "Plan" }).ClickAsync();
        await Expect(page.Locator("#problem-alpha")).ToContainTextAsync("EXPO2", new() { Timeout = Patience });
        await DashboardBrowser.AssertAccessibleAsync(page);

        await SubmitAsync(page, "0.3", "out");
        ILocator state = page.Locator(".page-head .mark");
        await Expect(state).ToHaveTextAsync("running", new() { Timeout = Patience });
        // An input that changes while it is read fails the job; with the file as it was it goes on.
        string input = Directory.EnumerateFiles(place.Base, "*.safetensors").Order().Last();
        string asItWas = place.PathOf("as-it-was");
        Touch("-r", input, asItWas);
        Touch(input);
        await Expect(state).ToHaveTextAsync("failed", new() { Timeout = Patience });
        Touch("-r", asItWas, input);

        await page.GetByRole(AriaRole.Button, new() { Name = "Resume" }).ClickAsync();

        await Expect(state).ToHaveTextAsync("running", new() { Timeout = Patience });
        NodeProcesses.WaitFor(node, "Audit: job-resumed by nobody (no role) at 127.0.0.1: job ");
        Assert.Contains("Audit: job-submitted by nobody (no role) at 127.0.0.1: job ", node.Errors, StringComparison.Ordinal);
        Assert.Empty(browser.Complaints);
    }

    [LongFact(Needs.Browser)]
    public async Task A_node_with_tokens_asks_for_one_and_a_reader_cannot_act()
    {
        const string reader = "a-token-for-those-who-read";
        File.WriteAllText(place.PathOf("tokens"), $"a-token-for-those-who-act operator ada\n{reader} reader rhea\n");
        using ExpoProcess node = ExpoProcess.Start(
            "node", "--database", $"sqlite:{place.PathOf("jobs.db")}", "--storage-root", place.Root, "--port", "0", "--http", server, "--auth", $"token:{place.PathOf("tokens")}");
        NodeProcesses.WaitFor(node, "serving");
        await using DashboardBrowser browser = await DashboardBrowser.StartAsync(server);
        IPage page = await browser.OpenAsync("/new");
        await Expect(page).ToHaveURLAsync(SignInAddress());
        await DashboardBrowser.AssertAccessibleAsync(page);

        await page.GetByLabel("Token", new() { Exact = true }).FillAsync("not a token of this server");
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Alert)).ToBeVisibleAsync();
        await page.GetByLabel("Token", new() { Exact = true }).FillAsync(reader);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();

        await Expect(page.GetByText("You may look, but not act")).ToBeVisibleAsync(new() { Timeout = Patience });
        Assert.Contains("Audit: sign-in-refused to nobody (no role) at 127.0.0.1", node.Errors, StringComparison.Ordinal);
        Assert.Contains("Audit: signed-in by rhea (reader) at 127.0.0.1", node.Errors, StringComparison.Ordinal);
        BrowserContextCookiesResult cookie = (await page.Context.CookiesAsync()).Single(cookie => cookie.Name == "expocluster-token");
        Assert.Equal((true, SameSiteAttribute.Strict), (cookie.HttpOnly, cookie.SameSite));
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await Expect(page).ToHaveURLAsync(SignInAddress());
        Assert.Empty(browser.Complaints);
    }

    [LongFact(Needs.Browser)]
    public async Task An_embedded_merge_shows_itself_and_leaves_its_report()
    {
        string report = place.PathOf("report.html");
        using ExpoProcess merge = ExpoProcess.Start(place.Merge("--dashboard", "--report", report, "--max-rate", "25MB"));
        NodeProcesses.WaitFor(merge, "dashboard: http");
        string address = Address().Match(merge.Errors).Groups[1].Value;
        await using (DashboardBrowser browser = await DashboardBrowser.StartAsync(address))
        {
            IPage page = await browser.OpenAsync("/");
            await Expect(page.Locator("[data-test=progress]")).Not.ToHaveTextAsync("0 %", new() { Timeout = Patience });
            await DashboardBrowser.AssertAccessibleAsync(page);
            Assert.Empty(browser.Complaints);
        }

        RunResult merged = merge.Wait();

        Assert.True(merged.ExitCode == 0, merged.ToString());
        string html = await File.ReadAllTextAsync(report);
        Assert.Contains("Relative change", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<link", html, StringComparison.Ordinal);
    }

    private ExpoProcess[] StartCluster(string rate)
    {
        database = new PostgresServer();
        nodes = new NodeProcesses(database, place.Root);
        ExpoProcess web = nodes.Start("coordinator,web", 0, "--http", server);
        ExpoProcess[] workers = [.. Enumerable.Range(0, 3).Select(_ => nodes.Start("worker", 0, "--max-rate", rate))];
        NodeProcesses.WaitForMembers([web, .. workers]);
        NodeProcesses.WaitFor(web, "serving");
        return workers;
    }

    // What the record beside a model says.
    private string Reached(string directory)
    {
        using JsonDocument record = JsonDocument.Parse(File.ReadAllText(place.PathOf(directory + "/expocluster.json")));
        return record.RootElement.GetProperty("statistics").GetProperty("total").GetProperty("effectiveAlpha").GetDouble().ToString("0.00##", CultureInfo.InvariantCulture);
    }

    // Times to the nanosecond, which .NET does not write.
    private static void Touch(params string[] arguments)
    {
        using Process touch = Process.Start("touch", arguments);
        touch.WaitForExit();
        Assert.Equal(0, touch.ExitCode);
    }

    private static async Task FillAsync(IPage page, string alpha, string output)
    {
        await page.GetByLabel("Base", new() { Exact = true }).FillAsync("base", new() { Timeout = Patience });
        await page.GetByLabel("Aligned", new() { Exact = true }).FillAsync("aligned");
        await page.GetByLabel("Alpha", new() { Exact = true }).FillAsync(alpha);
        await page.GetByLabel("Output directory", new() { Exact = true }).FillAsync(output);
        await page.GetByLabel("Name", new() { Exact = true }).FillAsync("sample-expo");
        await page.GetByLabel("Name", new() { Exact = true }).BlurAsync();
    }

    private static async Task SubmitAsync(IPage page, string alpha, string output)
    {
        await FillAsync(page, alpha, output);
        await page.GetByRole(AriaRole.Button, new() { Name = "Plan" }).ClickAsync();
        await Expect(page.Locator("[data-test=plan]")).ToContainTextAsync("parts", new() { Timeout = Patience });
        await DashboardBrowser.PhotographAsync(page, "new-merge");
        await page.GetByRole(AriaRole.Button, new() { Name = "Start the merge" }).ClickAsync();
        await Expect(page).ToHaveURLAsync(JobAddress(), new() { Timeout = Patience });
    }

    // Every page while something moves, wide and narrow, light and dark.
    private static async Task PhotographAllAsync(DashboardBrowser browser, IPage job, IPage cluster)
    {
        await DashboardBrowser.PhotographAsync(cluster, "cluster");
        await DashboardBrowser.PhotographAsync(job, "job", isWhole: true);
        string jobPath = new Uri(job.Url).AbsolutePath;
        foreach ((string path, string name) in new[] { ("/", "cluster"), (jobPath, "job"), ("/jobs", "jobs"), ("/recipes", "recipes"), ("/new", "new-merge") })
        {
            foreach ((int width, bool isDark, string suffix) in new[] { (1280, true, "-dark"), (1280, false, ""), (390, false, "-narrow"), (390, true, "-narrow-dark") })
            {
                IPage page = await browser.OpenAsync(path, width, isDark);
                await Expect(page.Locator("main h1")).ToBeVisibleAsync(new() { Timeout = Patience });
                await Expect(page.Locator(".mud-skeleton")).ToHaveCountAsync(0, new() { Timeout = Patience });
                await DashboardBrowser.AssertAccessibleAsync(page);
                await DashboardBrowser.AssertFitsAsync(page);
                if (suffix.Length > 0 || name is "jobs" or "recipes")
                {
                    await DashboardBrowser.PhotographAsync(page, name + suffix);
                }

                await page.Context.CloseAsync();
            }
        }
    }

    [GeneratedRegex(@"member of the cluster as \S+@(\S+:\d+)")]
    private static partial Regex MemberAddress();

    [GeneratedRegex("lost|unreachable")]
    private static partial Regex LostOrUnreachable();

    [GeneratedRegex("/jobs/[a-z0-9]+$")]
    private static partial Regex JobAddress();

    [GeneratedRegex("/sign-in")]
    private static partial Regex SignInAddress();

    [GeneratedRegex(@"dashboard: (http://\S+)")]
    private static partial Regex Address();
}
