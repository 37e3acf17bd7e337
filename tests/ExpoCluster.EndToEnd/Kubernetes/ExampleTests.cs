using ExpoCluster.Client.Jobs;
using ExpoCluster.Repository.Kubernetes;
using k8s.Models;

namespace ExpoCluster.EndToEnd.Kubernetes;

/// <summary>The single merges of <c>k8s/examples</c>, their pods as processes that are told to end and are killed, and what their Jobs do then.</summary>
public sealed class ExampleTests : IDisposable
{
    private const string Counted = "counted";

    private readonly Workplace place = new("70MB");
    private PodProcesses? nodes;

    public void Dispose()
    {
        nodes?.Dispose();
        place.Dispose();
    }

    [LongFact(Needs.Kubectl)]
    public void A_merge_by_one_pod_goes_on_after_a_farewell_and_after_a_death_and_ends_once()
    {
        Assert.Equal("Ignore", Interrupt("merge-once", "TERM"));
        Assert.Equal(Counted, Interrupt("merge-once", "KILL"));

        RunResult last = Run("merge-once");
        Assert.True(last.ExitCode == 0, last.ToString());
        Assert.True(last.Json.GetProperty("parts").GetProperty("reused").GetInt32() >= 1, last.ToString());
        Assert.Equal(0, ExpoProcess.Run("verify", place.PathOf("merged")).ExitCode);

        // The Job made anew finds it done.
        RunResult again = Run("merge-once");
        Assert.Equal((0, 0), (again.ExitCode, again.Json.GetProperty("parts").GetProperty("computed").GetInt32()));

        Directory.Move(place.Base, place.Base + "-away");
        RunResult refused = Run("merge-once");
        Assert.Equal((3, "FailJob"), (refused.ExitCode, ActionOf("merge-once", refused.ExitCode)));
    }

    [LongFact(Needs.Kubectl)]
    public void A_nightly_merge_begins_anew_when_the_newest_checkpoint_is_another_and_replaces_the_model_when_it_is_whole()
    {
        Directory.CreateDirectory(place.PathOf("run"));
        Directory.CreateSymbolicLink(place.PathOf("run/base"), place.Base);
        Directory.CreateSymbolicLink(place.PathOf("run/latest"), place.Aligned);
        Assert.Equal(Counted, Interrupt("nightly", "KILL"));

        Directory.Delete(place.PathOf("run/latest"));
        Directory.CreateSymbolicLink(place.PathOf("run/latest"), place.Base);
        RunResult first = Run("nightly", slowly: false);
        Assert.True(first.ExitCode == 0, first.ToString());
        SortedDictionary<string, string> made = Workplace.Digests(place.PathOf("run/merged"));

        Directory.Delete(place.PathOf("run/latest"));
        Directory.CreateSymbolicLink(place.PathOf("run/latest"), place.Aligned);
        Interrupt("nightly", "KILL");
        // What a server of models reads meanwhile is the one of the night before.
        Assert.Equal(made["model.safetensors"], Workplace.Digests(place.PathOf("run/merged"))["model.safetensors"]);
        RunResult second = Run("nightly", slowly: false);
        Assert.True(second.ExitCode == 0, second.ToString());
        Assert.NotEqual(made["model.safetensors"], Workplace.Digests(place.PathOf("run/merged"))["model.safetensors"]);
        Assert.Equal(0, ExpoProcess.Run("verify", place.PathOf("run/merged")).ExitCode);
    }

    [LongFact(Needs.Kubectl)]
    public async Task A_pod_that_submits_finds_its_merge_again_after_a_farewell_and_after_a_death()
    {
        nodes = new PodProcesses("single", place.Root, database: null) { More = { ["EXPOCLUSTER_MAX_RATE"] = "7MB" } };
        Pod node = nodes.Start("expocluster");
        await nodes.WaitUntilReadyAsync("expocluster", node);

        Assert.Equal("Ignore", Interrupt("submit", "TERM"));
        Assert.Equal(Counted, Interrupt("submit", "KILL"));
        RunResult last = Run("submit");

        Assert.True(last.ExitCode == 0, last + nodes.Logs);
        Assert.Contains("was submitted before", last.Errors, StringComparison.Ordinal);
        Assert.Equal(JobStates.Done, last.Json.GetProperty("status").GetString());
        Assert.Equal(0, ExpoProcess.Run("verify", place.PathOf("merged")).ExitCode);
        RunResult list = ExpoProcess.Run("jobs", "list", "--json", "--server", node.Http.ToString(), "--token-file", nodes.TokenFile, "--tls-ca", nodes.AuthorityFile);
        Assert.Equal(1, list.Json.GetProperty("jobs").GetArrayLength());

        // Nobody answers: perhaps later.
        RunResult silent = Run("submit", server: "https://127.0.0.1:9");
        Assert.Equal((1, Counted), (silent.ExitCode, ActionOf("submit", silent.ExitCode)));
    }

    // Runs the pod until it is in the midst of the work, and says what its Job does with what came of it.
    private string Interrupt(string example, string signal)
    {
        using ExpoProcess pod = Pod(example);
        NodeProcesses.WaitFor(pod, "running");
        // A part takes four seconds, and one that is told to end finishes it.
        Thread.Sleep(500);
        pod.Signal(signal);
        RunResult ended = pod.Wait(TimeSpan.FromSeconds(JobOf(example).Template.Spec.TerminationGracePeriodSeconds!.Value));
        Assert.Equal(signal == "TERM" ? 130 : 137, ended.ExitCode);
        return ActionOf(example, ended.ExitCode);
    }

    private RunResult Run(string example, bool slowly = true, string? server = null)
    {
        using ExpoProcess pod = Pod(example, slowly, server);
        return pod.Wait();
    }

    // What a pod has of its own is another here: where volumes are mounted, and where the service leads to.
    private ExpoProcess Pod(string example, bool slowly = true, string? server = null)
    {
        V1Container container = ContainerOf(example);
        string[] slow = slowly && nodes is null ? ["--lanes", "1", "--max-rate", "8MB"] : [];
        Dictionary<string, string> variables = (container.Env ?? []).ToDictionary(variable => variable.Name, variable => Adapt(variable.Value, server));
        return ExpoProcess.Start(variables, [.. container.Args.Select(argument => Adapt(argument, server)), .. slow]);
    }

    private string Adapt(string text, string? server) => text switch
    {
        "/credentials/tokens" => nodes!.TokenFile,
        "/credentials/ca.crt" => nodes!.AuthorityFile,
        "https://expocluster-web.expocluster.svc" => server ?? nodes!.Of("expocluster").Single().Http.ToString(),
        _ => text.Replace("/models", place.Root, StringComparison.Ordinal),
    };

    // As the controller of Jobs reads the policy: the first rule that fits, and what fits none is counted.
    private static string ActionOf(string example, int exitCode) =>
        JobOf(example).PodFailurePolicy.Rules.FirstOrDefault(rule => rule.OnExitCodes?.Values.Contains(exitCode) == true)?.Action ?? Counted;

    private static V1JobSpec JobOf(string example) => Overlay.Example(example).All<V1Job>().Select(job => job.Spec)
        .Concat(Overlay.Example(example).All<V1CronJob>().Select(job => job.Spec.JobTemplate.Spec)).Single();

    private static V1Container ContainerOf(string example) => JobOf(example).Template.Spec.Containers.Single();
}
