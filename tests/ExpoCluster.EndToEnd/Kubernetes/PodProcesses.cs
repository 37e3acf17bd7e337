using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using ExpoCluster.Client;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Client.Nodes;
using ExpoCluster.Client.Problems;
using ExpoCluster.Repository.Kubernetes;
using k8s.Models;

namespace ExpoCluster.EndToEnd.Kubernetes;

/// <summary>
/// The pods of an overlay as processes of this machine. Each is given the variables of its container; only what a pod has of its own is
/// another here: its address (on loopback, a new one for each pod), where volumes are mounted, and where the database is.
/// </summary>
internal sealed class PodProcesses : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(200);

    private readonly Lock gate = new();
    private readonly Overlay overlay;
    private readonly string models;
    private readonly PostgresServer? database;
    private readonly Workplace secrets = new();
    private readonly HttpClient kubelet;
    private readonly List<ExpoProcess> started = [];
    private readonly string network = $"127.{Random.Shared.Next(1, 255)}.{Random.Shared.Next(1, 255)}";
    private ImmutableDictionary<string, ImmutableList<Pod>> pods = ImmutableDictionary<string, ImmutableList<Pod>>.Empty;
    private int lastAddress;

    /// <param name="overlay">Its name.</param>
    /// <param name="models">The directory that is the volume.</param>
    /// <param name="database">Null for an overlay with a database in a file.</param>
    public PodProcesses(string overlay, string models, PostgresServer? database)
    {
        this.overlay = Overlay.Named(overlay);
        this.models = models;
        this.database = database;
        string names = string.Join(',', Enumerable.Range(1, 32).Select(number => $"{network}.{number}"));
        RunResult made = ExpoProcess.Run("credentials", secrets.Root, "--database-password", secrets.PathOf("password"), "--hostname", names);
        Assert.True(made.ExitCode == 0, made.ToString());
        kubelet = new HttpClient(Connection()) { Timeout = TimeSpan.FromSeconds(10) };
    }

    /// <summary>For clients.</summary>
    public string TokenFile => secrets.PathOf("tokens");

    /// <summary>For clients, where HTTP is by TLS.</summary>
    public string AuthorityFile => secrets.PathOf("ca.crt");

    /// <summary>Variables that are added to those of the overlay.</summary>
    public Dictionary<string, string> More { get; } = [];

    public ImmutableArray<Pod> All => [.. pods.Values.SelectMany(group => group)];

    public string Logs
    {
        get
        {
            lock (gate)
            {
                return string.Join("\n---\n", started.Select(process => process.Errors));
            }
        }
    }

    public ImmutableList<Pod> Of(string workload) => pods.GetValueOrDefault(workload, []);

    /// <summary>As many pods of each kind as the overlay says; none where an autoscaler says it.</summary>
    public void StartAll()
    {
        foreach (Workload workload in overlay.Nodes)
        {
            Scale(workload.Name, workload.Replicas ?? 0);
        }
    }

    /// <summary>Adds pods, and does not wait for them.</summary>
    public void Scale(string workload, int count)
    {
        while (Of(workload).Count < count)
        {
            Start(workload);
        }
    }

    public Pod Start(string workload)
    {
        lock (gate)
        {
            string address = $"{network}.{++lastAddress}";
            Workload described = overlay.Workload(workload);
            Dictionary<string, string> variables = overlay.VariablesOf(described)
                .ToDictionary(variable => variable.Key, variable => Adapt(variable.Key, variable.Value, address));
            var process = ExpoProcess.Start(variables.Concat(More).ToDictionary(), [.. described.Container.Args]);
            var pod = new Pod(address, new Uri(variables["EXPOCLUSTER_HTTP"]), process);
            started.Add(process);
            pods = pods.SetItem(workload, Of(workload).Add(pod));
            return pod;
        }
    }

    /// <summary>SIGKILL, as when a pod's machine is lost.</summary>
    public void Kill(Pod pod)
    {
        Forget(pod);
        pod.Process.Kill();
    }

    /// <summary>Tells a pod to end, and fails where Kubernetes would have killed it.</summary>
    public async Task EndAsync(string workload, Pod pod)
    {
        Forget(pod);
        var clock = Stopwatch.StartNew();
        pod.Process.Signal("TERM");
        RunResult ended = await Task.Run(pod.Process.Wait);
        Assert.True(ended.ExitCode == 0, ended.ToString());
        Assert.True(clock.Elapsed.TotalSeconds < overlay.Workload(workload).Pod.TerminationGracePeriodSeconds, $"{clock.Elapsed}\n{ended}");
    }

    /// <summary>Replaces all pods of a Deployment by new ones, in the order that its strategy says, but without any pause between two.</summary>
    public async Task RollAsync(string workload)
    {
        V1RollingUpdateDeployment strategy = overlay.All<V1Deployment>().Single(made => made.Metadata.Name == workload).Spec.Strategy.RollingUpdate;
        bool isOldFirst = strategy.MaxSurge.Value == "0";
        bool isNewFirst = strategy.MaxUnavailable.Value == "0";
        foreach (Pod old in Of(workload))
        {
            if (isOldFirst)
            {
                await EndAsync(workload, old);
            }

            Pod made = Start(workload);
            if (isNewFirst)
            {
                await WaitUntilReadyAsync(workload, made);
            }

            if (!isOldFirst)
            {
                await EndAsync(workload, old);
            }

            await WaitUntilReadyAsync(workload, made);
        }
    }

    public async Task WaitUntilReadyAsync(string workload, Pod pod)
    {
        V1HTTPGetAction probe = overlay.Workload(workload).Container.ReadinessProbe.HttpGet;
        var address = new UriBuilder(pod.Http) { Scheme = probe.Scheme, Path = probe.Path }.Uri;
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(LookInterval))
        {
            Assert.True(clock.Elapsed < Patience && !pod.Process.HasExited, pod.Process.Errors);
            if (await IsOkAsync(address))
            {
                return;
            }
        }
    }

    /// <summary>Waits until each pod that serves says that the members are exactly the pods that there are.</summary>
    public async Task AssertOneClusterAsync()
    {
        string[] expected = [.. All.Select(pod => pod.Address).Order(StringComparer.Ordinal)];
        foreach (Pod web in Of("expocluster-web"))
        {
            using var client = ClientOf(web);
            string[] seen = [];
            for (var clock = Stopwatch.StartNew(); !expected.SequenceEqual(seen); await Task.Delay(LookInterval))
            {
                Assert.True(clock.Elapsed < Patience, $"expected {string.Join(' ', expected)}, seen {string.Join(' ', seen)}\n{Logs}");
                Assert.All(All, pod => Assert.False(pod.Process.HasExited, pod.Process.Errors));
                seen = await MembersAsync(client);
            }
        }
    }

    /// <summary>Asks as through the Service: whichever pod serves, and another when that one goes away.</summary>
    public async Task<T> AskAsync<T>(Func<ExpoClusterClient, Task<T>> question)
    {
        var clock = Stopwatch.StartNew();
        for (int number = 0; ; number++)
        {
            ImmutableList<Pod> serving = Of("expocluster-web");
            using var client = ClientOf(serving[number % serving.Count]);
            try
            {
                return await question(client);
            }
            catch (ExpoClusterException failure) when (failure.Problem.Status is 0 or >= 500 && clock.Elapsed < Patience)
            {
                await Task.Delay(LookInterval);
            }
        }
    }

    /// <summary>One number of what a pod serves to Prometheus, with a reader's token as Prometheus shows it.</summary>
    public async Task<double> MeasureAsync(Pod pod, string series)
    {
        using var question = new HttpRequestMessage(HttpMethod.Get, new Uri(pod.Http, "/metrics"));
        question.Headers.Authorization = new AuthenticationHeaderValue("Bearer", TokenOf("reader"));
        using HttpResponseMessage answer = await kubelet.SendAsync(question);
        answer.EnsureSuccessStatusCode();
        string line = (await answer.Content.ReadAsStringAsync()).Split('\n').Single(line => line.StartsWith(series + ' ', StringComparison.Ordinal) || line.StartsWith(series + '{', StringComparison.Ordinal));
        return double.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture);
    }

    public async Task<Job> WaitUntilEndedAsync(string job)
    {
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(LookInterval))
        {
            Job now = await AskAsync(client => client.ShowAsync(job));
            if (JobStates.HasEnded(now.State))
            {
                return now;
            }

            Assert.True(clock.Elapsed < 3 * Patience, $"{now}\n{Logs}");
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            started.ForEach(process => process.Dispose());
        }

        kubelet.Dispose();
        secrets.Dispose();
    }

    private static async Task<string[]> MembersAsync(ExpoClusterClient client)
    {
        try
        {
            ClusterStatus status = await client.ClusterAsync();
            return [.. status.Nodes.Where(node => node is { Status: "up", Reachable: true })
                .Select(node => node.Address.Split('@')[1].Split(':')[0])
                .Concat(status.Nodes.Where(node => node is not { Status: "up", Reachable: true }).Select(node => $"{node.Status}:{node.Address}"))
                .Order(StringComparer.Ordinal)];
        }
        catch (ExpoClusterException failure) when (failure.Problem.Status is 0 or >= 500)
        {
            return [failure.Message];
        }
    }

    private ExpoClusterClient ClientOf(Pod pod) => new(
        pod.Http,
        TokenOf("operator"),
        Connection());

    private string TokenOf(string role) => File.ReadLines(TokenFile).First(line => line.Contains($" {role} ", StringComparison.Ordinal)).Split(' ')[0];

    private SocketsHttpHandler Connection()
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPemFile(AuthorityFile);
        return new SocketsHttpHandler { SslOptions = { CertificateChainPolicy = policy } };
    }

    private async Task<bool> IsOkAsync(Uri address)
    {
        try
        {
            using HttpResponseMessage answer = await kubelet.GetAsync(address);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException)
        {
            return false;
        }
    }

    private void Forget(Pod pod)
    {
        lock (gate)
        {
            pods = pods.ToImmutableDictionary(group => group.Key, group => group.Value.Remove(pod));
        }
    }

    private string Adapt(string name, string? value, string address) => name switch
    {
        "EXPOCLUSTER_HOSTNAME" => address,
        "EXPOCLUSTER_HTTP" => value!.Replace("0.0.0.0", address, StringComparison.Ordinal),
        "EXPOCLUSTER_DATABASE" when value is null => database!.Url,
        _ => value!
            .Replace("/credentials/", secrets.Root + "/", StringComparison.Ordinal)
            .Replace("/models", models, StringComparison.Ordinal)
            .Replace("@expocluster-database/expo", string.Create(CultureInfo.InvariantCulture, $"@127.0.0.1:{database?.Port}/jobs"), StringComparison.Ordinal),
    };
}
