using System.Diagnostics;
using System.Globalization;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using Microsoft.Playwright;
using Xunit.Abstractions;
using static Microsoft.Playwright.Assertions;

namespace ExpoCluster.EndToEnd;

/// <summary>What a web node, which is a process of its own, needs while many look at a job of very many parts that goes very fast.</summary>
public sealed class DashboardLoadTests(ITestOutputHelper output) : IDisposable
{
    private const int PartsPerSecond = 1000;
    private const float Patience = 60_000;

    private static readonly TimeSpan Window = TimeSpan.FromSeconds(24);

    private readonly string server = $"http://127.0.0.1:{PostgresServer.FreePort()}";
    private readonly Workplace place = new();
    private PostgresServer? database;
    private NodeProcesses? nodes;

    public void Dispose()
    {
        nodes?.Dispose();
        database?.Dispose();
        place.Dispose();
    }

    [LongFact(Needs.Browser, Needs.Postgres)]
    public async Task Ten_pages_follow_a_thousand_parts_a_second()
    {
        LargePair.Write(place.Root);
        var recipe = new Recipe { Base = place.Base, Aligned = place.Aligned, Alpha = 0.3 };
        Plan plan = Planner.Plan(recipe).Plan;
        database = new PostgresServer();
        nodes = new NodeProcesses(database, place.Root);
        ExpoProcess web = nodes.Start("web", 0, "--http", server);
        await using CoordinatingNode coordinating = await CoordinatingNode.JoinAsync(database, place.Root);
        NodeProcesses.WaitFor(web, "serving");
        await coordinating.SubmitAsync("quiet", recipe, plan, place.PathOf("quiet"));
        await coordinating.SubmitAsync("busy", recipe, plan, place.PathOf("busy"));
        await using DashboardBrowser browser = await DashboardBrowser.StartAsync(server);

        Tell("nobody looks", await DriveAsync(coordinating, "quiet", plan, web));

        IPage[] jobs = await OpenAsync(browser, "/jobs/busy", "[data-test=progress]", 5);
        IPage[] lists = await OpenAsync(browser, "/jobs", "[data-test=jobs] tbody tr", 3);
        IPage[] clusters = await OpenAsync(browser, "/", "[data-test=nodes] tbody tr", 2);
        Task<Load> driving = DriveAsync(coordinating, "busy", plan, web);
        await Task.WhenAll(
        [
            .. jobs.Select(page => AssertMovesAsync(page.Locator("[data-test=progress]"))),
            .. lists.Select(page => AssertMovesAsync(page.GetByRole(AriaRole.Row).Filter(new() { HasText = "busy" }).Locator(".list-progress .num"))),
            .. clusters.Select(page => AssertMovesAsync(page.Locator(".facts"))),
        ]);
        Tell("ten pages look", await driving);

        string committed = (await coordinating.LookAsync("busy")).Committed.ToString("N0", CultureInfo.InvariantCulture);
        foreach (IPage page in jobs)
        {
            await Expect(page.Locator(".legend .committed")).ToHaveTextAsync($"{committed} committed", new() { Timeout = Patience });
        }

        Assert.Empty(browser.Complaints);
    }

    private static async Task<IPage[]> OpenAsync(DashboardBrowser browser, string path, string shown, int count)
    {
        IPage[] pages = await Task.WhenAll(Enumerable.Range(0, count).Select(_ => browser.OpenAsync(path)));
        foreach (IPage page in pages)
        {
            await Expect(page.Locator(shown).First).ToBeVisibleAsync(new() { Timeout = Patience });
        }

        return pages;
    }

    // Twice, so that a page that was drawn once and then no more is seen.
    private static async Task AssertMovesAsync(ILocator figure)
    {
        for (int time = 0; time < 2; time++)
        {
            string before = await figure.InnerTextAsync();
            await Expect(figure).Not.ToHaveTextAsync(before, new() { Timeout = Patience, UseInnerText = true });
        }
    }

    /// <summary>Commits parts of a job at the wanted rate, and says what that cost the web node.</summary>
    private static async Task<Load> DriveAsync(CoordinatingNode coordinating, string job, Plan plan, ExpoProcess web)
    {
        const int MaxAtOnce = 400;
        using var beat = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        int committed = 0;
        ProcessFigures before = ProcessFigures.Of(web.Id);
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < Window)
        {
            await beat.WaitForNextTickAsync();
            int due = (int)(clock.Elapsed.TotalSeconds * PartsPerSecond) - committed;
            committed += due > 0 ? await coordinating.CommitAsync(job, plan, Math.Min(due, MaxAtOnce)) : 0;
        }

        double seconds = clock.Elapsed.TotalSeconds;
        ProcessFigures after = ProcessFigures.Of(web.Id);
        return new Load(seconds, committed / seconds, (after.ProcessorSeconds - before.ProcessorSeconds) / seconds, after.ResidentBytes);
    }

    private void Tell(string who, Load load) => output.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{who}: {load.PartsPerSecond:0} parts per second for {load.Seconds:0} s; the web node used {load.Cores:0.000} cores and has {load.ResidentBytes >> 20} MiB resident"));

    private sealed record Load(double Seconds, double PartsPerSecond, double Cores, long ResidentBytes);
}
