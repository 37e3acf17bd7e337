using System.Globalization;
using System.Text.RegularExpressions;
using ExpoCluster.Repository;

namespace ExpoCluster.EndToEnd;

/// <summary>What deploy/release.sh makes is installed and run, as users do.</summary>
public sealed partial class InstallTests : IDisposable
{
    // Another one for each run, for dotnet caches packages by their version.
    private readonly string version = string.Create(CultureInfo.InvariantCulture, $"0.0.{Environment.ProcessId}");
    private readonly string place = Directory.CreateTempSubdirectory("expocluster-install-").FullName;

    public void Dispose() => Directory.Delete(place, recursive: true);

    [LongFact("dotnet", "bash", "tar", "sha256sum", "curl")]
    public void The_program_in_one_file_merges_and_serves_where_there_is_no_dotnet()
    {
        Release("linux-x64");
        string archive = $"expocluster-{version}-linux-x64";
        Run("tar", "-C", place, "-xzf", Path.Join(place, archive + ".tar.gz"));
        Assert.Equal(["LICENSE", "expocluster"], Directory.EnumerateFileSystemEntries(Path.Join(place, archive)).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        string expo = Path.Join(place, archive, "expocluster");

        string said = WithoutDotnet($"""
            command -v dotnet && exit 9
            set -e
            {expo} --version
            {expo} recipes zephyr-7b-beta > recipe.yaml
            {expo} sample try-it --size 64MB
            {expo} merge --base try-it/base --aligned try-it/aligned --alpha 0.3 --out try-it/merged
            {expo} verify try-it/merged
            {expo} node --database sqlite:jobs.db --storage-root {place} --port 0 --http http://127.0.0.1:{PostgresServer.FreePort()} 2> node.log &
            node=$!
            for n in $(seq 600); do grep -q serving node.log && break; sleep 0.1; done
            {expo} health --url $(sed -n 's/^serving //p' node.log)
            """ + FetchPages + "\nkill $node; wait $node; echo \"left with $?\"\n");

        Assert.Matches(VersionLine(), said);
        Assert.Contains("left with 0", said, StringComparison.Ordinal);
        Assert.Contains("merged", File.ReadAllText(Path.Join(place, "try-it", "merged", "README.md")), StringComparison.OrdinalIgnoreCase);
        Assert.Contains("<link", File.ReadAllText(Path.Join(place, "page")), StringComparison.Ordinal);
        string[] assets = File.ReadAllLines(Path.Join(place, "assets"));
        Assert.True(assets.Length >= 3, string.Join('\n', assets));
        Assert.All(assets, asset => Assert.Matches(@"^\S+ 200 [1-9]\d{2,}$", asset));
    }

    [LongFact("dotnet", "bash", "sha256sum")]
    public void The_tool_is_installed_from_its_package_and_merges()
    {
        Release("tool");
        File.WriteAllText(Path.Join(place, "nuget.config"), $"""
            <configuration><packageSources><clear /><add key="here" value="{place}" /></packageSources></configuration>
            """);
        Run("dotnet", "tool", "install", "expocluster", "--version", version, "--tool-path", Path.Join(place, "tools"), "--configfile", Path.Join(place, "nuget.config"));
        string expo = Path.Join(place, "tools", "expocluster");

        Assert.Matches(VersionLine(), Run(expo, "--version"));
        Run(expo, "sample", Path.Join(place, "try-it"), "--size", "16MB");
        Run(expo, "merge", "--base", Path.Join(place, "try-it", "base"), "--aligned", Path.Join(place, "try-it", "aligned"), "--alpha", "0.3", "--out", Path.Join(place, "merged"));
        Assert.Contains("is what was written", Run(expo, "verify", Path.Join(place, "merged")), StringComparison.Ordinal);
    }

    // Each style and script of the page: address, status, bytes.
    private const string FetchPages = """

        url=$(sed -n 's/^serving //p' node.log)
        curl -sf "$url" > page
        grep -oE '(href|src)="[^"]+\.(css|js)[^"]*"' page | cut -d'"' -f2 | while read -r asset; do
          curl -s -o /dev/null -w "$asset %{http_code} %{size_download}\n" "${url%/}/${asset#/}"
        done > assets
        """;

    // As root it really is hidden; for others it is only not to be found.
    private string WithoutDotnet(string script)
    {
        string hide = Needs.Missing([Needs.Root]) is null ? "for d in /usr/share/dotnet /usr/lib/dotnet /root/.dotnet; do [ ! -d $d ] || mount -t tmpfs none $d; done\n" : "";
        string file = Path.Join(place, "script");
        File.WriteAllText(file, hide + $"cd {place}\n" + script);
        string[] clean = ["env", "-i", $"HOME={place}", "PATH=/usr/bin:/bin", "bash", file];
        return hide.Length > 0 ? Run("unshare", ["-m", .. clean]) : Run(clean[0], clean[1..]);
    }

    private void Release(string target) => Run("env", $"VERSION={version}", "bash", Path.Join(Tree.Root, "deploy", "release.sh"), place, target);

    private static string Run(string program, params string[] arguments)
    {
        using ExpoProcess process = ExpoProcess.StartOther(program, new Dictionary<string, string>(), arguments);
        RunResult result = process.Wait(TimeSpan.FromMinutes(9));
        Assert.True(result.ExitCode == 0, $"{program} {string.Join(' ', arguments)}\n{result}");
        return result.Output;
    }

    [GeneratedRegex(@"^\d+\.\d+\.\d+\+[0-9a-f]{40}\s", RegexOptions.Multiline)]
    private static partial Regex VersionLine();
}
