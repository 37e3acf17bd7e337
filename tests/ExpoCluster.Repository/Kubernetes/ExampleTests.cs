using ExpoCluster.Cli.Commands;
using k8s.Models;

namespace ExpoCluster.Repository.Kubernetes;

/// <summary>What the manifests of the examples are: single merges, and a cluster as git has it.</summary>
public sealed class ExampleTests
{
    private static readonly string[] OneMerge = ["merge-once", "nightly", "submit"];

    public static TheoryData<string> Merges => [.. OneMerge];

    [Fact]
    public void The_examples_are_those_of_the_document()
    {
        string readme = Tree.Read("k8s/README.md");

        Assert.Equal(["gitops", .. OneMerge], Overlay.Examples);
        Assert.All(Overlay.Examples, name => Assert.Contains($"](examples/{name})", readme, StringComparison.Ordinal));
    }

    [KubectlTheory]
    [MemberData(nameof(Merges))]
    public void Every_object_is_one_that_Kubernetes_knows_and_stands_in_the_namespace(string example)
    {
        Overlay built = Overlay.Example(example);

        Assert.Equal(built.Text.Split('\n').Count(line => line.StartsWith("kind: ", StringComparison.Ordinal)), built.Objects.Length);
        Assert.All(built.Objects.OfType<IMetadata<V1ObjectMeta>>(), item => Assert.Equal("expocluster", item.Metadata.NamespaceProperty));
        // What is deleted with the example is neither a model nor a Secret.
        Assert.DoesNotContain(built.Objects, item => item is V1PersistentVolumeClaim or V1Secret or V1Namespace);
    }

    [KubectlTheory]
    [MemberData(nameof(Merges))]
    public void The_command_is_one_that_the_program_takes(string example)
    {
        V1Container container = ContainerOf(example);
        var parsed = ExpoClusterCommand.Create().Parse([.. container.Args]);

        Assert.Null(container.Command);
        Assert.Empty(parsed.Errors.Select(error => error.Message));
        Assert.DoesNotContain(container.Args, argument => argument.StartsWith("--", StringComparison.Ordinal) && parsed.UnmatchedTokens.Contains(argument));
    }

    [KubectlTheory]
    [MemberData(nameof(Merges))]
    public void What_is_worth_a_retry_is_tried_again_and_nothing_else(string example)
    {
        V1JobSpec job = JobOf(example);
        V1PodFailurePolicyRule[] rules = [.. job.PodFailurePolicy.Rules];

        // The program's codes; docs/errors.md says which errors have which.
        Assert.Equal((2, 3, 130), (ExitCodes.Usage, ExitCodes.Input, ExitCodes.Interrupted));
        Assert.Equal(["FailJob", "Ignore", "Ignore"], rules.Select(rule => rule.Action));
        Assert.Equal([ExitCodes.Usage, ExitCodes.Input], rules[0].OnExitCodes.Values);
        Assert.Equal([ExitCodes.Interrupted, 128 + 15], rules[1].OnExitCodes.Values);
        Assert.All(rules[..2], rule => Assert.Equal(("In", ContainerOf(example).Name), (rule.OnExitCodes.OperatorProperty, rule.OnExitCodes.ContainerName)));
        Assert.Equal(("DisruptionTarget", "True"), (rules[2].OnPodConditions.Single().Type, rules[2].OnPodConditions.Single().Status));
        Assert.True(job.BackoffLimit >= 3);
        // Two pods at one output would wait for each other.
        Assert.Equal("Failed", job.PodReplacementPolicy);
        Assert.Null(job.Parallelism);
        Assert.Equal("Never", job.Template.Spec.RestartPolicy);
        Assert.True(job.Template.Spec.TerminationGracePeriodSeconds >= 30);
    }

    [KubectlTheory]
    [MemberData(nameof(Merges))]
    public void A_pod_may_do_nothing_but_its_work(string example)
    {
        V1PodSpec pod = JobOf(example).Template.Spec;
        V1Container container = Assert.Single(pod.Containers);

        Assert.Equal((true, 1654L, 1654L, 1654L), (pod.SecurityContext.RunAsNonRoot, pod.SecurityContext.RunAsUser, pod.SecurityContext.RunAsGroup, pod.SecurityContext.FsGroup));
        Assert.Equal("RuntimeDefault", pod.SecurityContext.SeccompProfile.Type);
        Assert.Equal((false, true), (container.SecurityContext.AllowPrivilegeEscalation, container.SecurityContext.ReadOnlyRootFilesystem));
        Assert.Equal(["ALL"], container.SecurityContext.Capabilities.Drop);
        Assert.False(pod.AutomountServiceAccountToken ?? true);
        Assert.False(pod.EnableServiceLinks ?? true);
        Assert.Matches(@"^expocluster:(?!latest$)[\w.-]+$", container.Image);
        Assert.All(container.VolumeMounts, mount => Assert.Contains(mount.Name, pod.Volumes.Select(volume => volume.Name)));
        Assert.All(new[] { "cpu", "memory", "ephemeral-storage" }, resource => Assert.True(container.Resources.Limits[resource].ToDecimal() >= container.Resources.Requests[resource].ToDecimal()));
        Assert.All(pod.Volumes.Where(volume => volume.Projected is not null), volume => Assert.Equal(0b100_100_000, volume.Projected.DefaultMode));
    }

    [KubectlFact]
    public void A_nightly_merge_never_meets_that_of_the_night_before()
    {
        V1CronJob nightly = Assert.Single(Overlay.Example("nightly").All<V1CronJob>());

        Assert.Equal("Forbid", nightly.Spec.ConcurrencyPolicy);
        Assert.Contains("--overwrite", ContainerOf("nightly").Args);
    }

    [KubectlFact]
    public void The_pod_that_submits_reaches_the_nodes_and_is_let_in_and_asks_where_they_serve()
    {
        Overlay built = Overlay.Example("submit");
        Overlay production = Overlay.Named("production");
        V1PodTemplateSpec pod = JobOf("submit").Template;
        V1NetworkPolicy outwards = built.All<V1NetworkPolicy>().Single(policy => policy.Spec.PolicyTypes.Contains("Egress"));
        V1NetworkPolicy inwards = built.All<V1NetworkPolicy>().Single(policy => policy.Spec.PolicyTypes.Contains("Ingress"));
        Workload web = production.Workload("expocluster-web");

        Assert.Equal(pod.Metadata.Labels, outwards.Spec.PodSelector.MatchLabels);
        Assert.Equal(pod.Metadata.Labels, inwards.Spec.Ingress.Single().FromProperty.Single().PodSelector.MatchLabels);
        Assert.True(web.Matches(inwards.Spec.PodSelector));
        Assert.True(web.Matches(outwards.Spec.Egress[1].To.Single().PodSelector));
        Assert.Contains(web.Container.Ports.Single(port => port.Name == "web").ContainerPort.ToString(null, null), outwards.Spec.Egress[1].Ports.Select(port => port.Port.Value));
        // By the name that the certificate has, k8s/README.md says, at the port of the service.
        Uri server = new(ContainerOf("submit").Args.Single(argument => argument.Contains("://", StringComparison.Ordinal)));
        V1Service service = production.All<V1Service>().Single(item => item.Metadata.Name == server.Host.Split('.')[0]);
        Assert.Equal(server.Port, service.Spec.Ports.Single().Port);
        Assert.Contains($"--hostname {server.Host}", Tree.Read("k8s/README.md"), StringComparison.Ordinal);
        // It is no node, so no service leads to it.
        Assert.DoesNotContain(production.All<V1Service>(), item => item.Spec.Selector.All(label => pod.Metadata.Labels.TryGetValue(label.Key, out string? value) && value == label.Value));
    }

    [KubectlFact]
    public void What_git_has_is_production_with_an_image_by_its_digest_and_keeps_models_and_namespace()
    {
        Overlay built = Overlay.Example("gitops");

        Assert.Equal(Overlay.Named("production").Objects.Select(item => item.GetType()), built.Objects.Select(item => item.GetType()));
        Assert.All(built.Nodes, node => Assert.Matches("^registry\\.example/expocluster@sha256:[0-9a-f]{64}$", node.Container.Image));
        Assert.Null(built.Workload("expocluster-worker").Replicas);
        IEnumerable<V1ObjectMeta> kept = built.Objects.Where(item => item is V1Namespace or V1PersistentVolumeClaim or V1PriorityClass).Cast<IMetadata<V1ObjectMeta>>().Select(item => item.Metadata);
        Assert.Equal(4, kept.Count());
        Assert.All(kept, item => Assert.Equal(
            ("Prune=false,Delete=false", "disabled"), (item.Annotations["argocd.argoproj.io/sync-options"], item.Annotations["kustomize.toolkit.fluxcd.io/prune"])));
    }

    private static V1JobSpec JobOf(string example) =>
        Assert.Single([.. Overlay.Example(example).All<V1Job>().Select(job => job.Spec), .. Overlay.Example(example).All<V1CronJob>().Select(job => job.Spec.JobTemplate.Spec)]);

    private static V1Container ContainerOf(string example) => Assert.Single(JobOf(example).Template.Spec.Containers);
}
