using System.Collections.Concurrent;
using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;

namespace ExpoCluster.EndToEnd;

/// <summary>Debian's Chromium, which looks at a dashboard and keeps what the pages complain of.</summary>
public sealed class DashboardBrowser : IAsyncDisposable
{
    private static readonly string[] Arguments =
    [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ];

    private readonly IPlaywright playwright;
    private readonly IBrowser browser;
    private readonly ConcurrentQueue<string> complaints = new();
    private readonly Uri server;

    private DashboardBrowser(IPlaywright playwright, IBrowser browser, Uri server)
    {
        this.playwright = playwright;
        this.browser = browser;
        this.server = server;
    }

    /// <summary>Errors of the console, exceptions, and requests that left the node.</summary>
    public IReadOnlyCollection<string> Complaints => complaints;

    /// <summary>Where screenshots go: EXPO_SCREENSHOTS=DIR; null for nowhere.</summary>
    private static string? Screenshots => Environment.GetEnvironmentVariable("EXPO_SCREENSHOTS") is { Length: > 0 } directory ? directory : null;

    public static async Task<DashboardBrowser> StartAsync(string server)
    {
        IPlaywright playwright = await Playwright.CreateAsync();
        string path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(directory => Path.Join(directory, Needs.Browser)).First(File.Exists);
        IBrowser browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = path, Args = Arguments });
        return new DashboardBrowser(playwright, browser, new Uri(server));
    }

    /// <summary>A page of a session of its own.</summary>
    public async Task<IPage> OpenAsync(string path, int width = 1280, bool isDark = false)
    {
        IBrowserContext context = await browser.NewContextAsync(new BrowserNewContextOptions
        {
            ViewportSize = new ViewportSize { Width = width, Height = width < 600 ? 844 : 900 },
            ColorScheme = isDark ? ColorScheme.Dark : ColorScheme.Light,
            // A colour on its way to another is no colour to judge.
            ReducedMotion = ReducedMotion.Reduce,
            BaseURL = server.ToString(),
        });
        IPage page = await context.NewPageAsync();
        page.Console += (_, message) => Note(message.Type == "error", $"console: {message.Text}");
        page.PageError += (_, error) => Note(true, $"exception: {error}");
        page.Request += (_, request) => Note(
            Uri.TryCreate(request.Url, UriKind.Absolute, out Uri? url) && url.Scheme is "http" or "https" && url.Authority != server.Authority, $"request to {request.Url}");
        await page.GotoAsync(path);
        return page;
    }

    /// <summary>Nothing on the page keeps anybody from using it.</summary>
    public static async Task AssertAccessibleAsync(IPage page)
    {
        AxeResult result = await page.RunAxe();
        string[] serious =
        [
            .. result.Violations.Where(violation => violation.Impact is "serious" or "critical").Select(violation =>
                $"{violation.Id}: {violation.Help}: {string.Join(" | ", violation.Nodes.Select(node => node.Html))}"),
        ];
        Assert.True(serious.Length == 0, $"{page.Url}\n{string.Join('\n', serious)}");
    }

    /// <summary>Nothing of the page is to the right of the screen.</summary>
    public static async Task AssertFitsAsync(IPage page) => Assert.True(
        await page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), $"{page.Url} is wider than the screen");

    /// <summary>For the documents, when somebody asks.</summary>
    public static async Task PhotographAsync(IPage page, string name, bool isWhole = false)
    {
        if (Screenshots is not { } directory)
        {
            return;
        }

        PageViewportSizeResult screen = page.ViewportSize!;
        if (isWhole)
        {
            // As a taller screen: what measures its place, as charts do, is drawn before the picture is taken and not while.
            await page.SetViewportSizeAsync(screen.Width, await page.EvaluateAsync<int>("document.documentElement.scrollHeight"));
        }

        await page.WaitForFunctionAsync(
            "[...document.querySelectorAll('.chart svg')].every(chart => Math.abs(chart.viewBox.baseVal.width - chart.getBoundingClientRect().width) < 2)");
        await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Join(directory, name + ".png") });
        await page.SetViewportSizeAsync(screen.Width, screen.Height);
    }

    public async ValueTask DisposeAsync()
    {
        await browser.DisposeAsync();
        playwright.Dispose();
    }

    private void Note(bool isBad, string what)
    {
        if (isBad)
        {
            complaints.Enqueue(what);
        }
    }
}
