using System.Text.RegularExpressions;
using k8s.Models;

namespace ExpoCluster.Repository.Kubernetes;

/// <summary>What a pod of any overlay may do, and what it is given.</summary>
public sealed partial class PodTests
{
    [KubectlTheory]
    [MemberData(nameof(OverlayCases.All), MemberType = typeof(OverlayCases))]
    public void A_pod_may_do_nothing_but_its_work(string overlay) => Assert.All(Overlay.Named(overlay).Workloads, workload =>
    {
        V1PodSpec pod = workload.Pod;
        V1SecurityContext may = workload.Container.SecurityContext;
        Assert.True(pod.SecurityContext.RunAsNonRoot);
        Assert.Equal(workload.IsNode ? 1654 : 999, pod.SecurityContext.RunAsUser);
        Assert.Equal(pod.SecurityContext.RunAsUser, pod.SecurityContext.RunAsGroup);
        Assert.Equal(pod.SecurityContext.RunAsUser, pod.SecurityContext.FsGroup);
        Assert.Equal("RuntimeDefault", pod.SecurityContext.SeccompProfile.Type);
        Assert.False(may.AllowPrivilegeEscalation);
        Assert.True(may.ReadOnlyRootFilesystem);
        Assert.Equal(["ALL"], may.Capabilities.Drop);
        Assert.Null(may.Capabilities.Add);
        Assert.Null(may.Privileged);
        Assert.Null(may.RunAsUser);
        Assert.Null(may.RunAsNonRoot);
        Assert.Null(may.SeccompProfile);
        Assert.False((pod.HostNetwork ?? false) || (pod.HostPID ?? false) || (pod.HostIPC ?? false));
        Assert.Null(pod.InitContainers);
        Assert.All(pod.Volumes, volume => Assert.True(
            volume.EmptyDir is not null || volume.PersistentVolumeClaim is not null || volume.Projected is not null || volume.Secret is not null, volume.Name));
        Assert.All(pod.Volumes, volume => Assert.True(volume.EmptyDir is null || volume.EmptyDir.SizeLimit is not null, volume.Name));
    });

    [KubectlTheory]
    [MemberData(nameof(OverlayCases.All), MemberType = typeof(OverlayCases))]
    public void A_pod_has_no_rights_on_the_interface_of_Kubernetes(string overlay)
    {
        Overlay built = Overlay.Named(overlay);

        Assert.DoesNotContain(built.Objects, item => item is V1Role or V1ClusterRole or V1RoleBinding or V1ClusterRoleBinding);
        Assert.All(built.All<V1ServiceAccount>(), account => Assert.False(account.AutomountServiceAccountToken ?? true));
        Assert.All(built.Workloads, workload =>
        {
            Assert.Contains(workload.Pod.ServiceAccountName, built.All<V1ServiceAccount>().Select(account => account.Metadata.Name));
            Assert.False(workload.Pod.AutomountServiceAccountToken ?? true);
            Assert.DoesNotContain(workload.Pod.Volumes.SelectMany(volume => volume.Projected?.Sources ?? []), source => source.ServiceAccountToken is not null);
        });
    }

    [KubectlTheory]
    [MemberData(nameof(OverlayCases.All), MemberType = typeof(OverlayCases))]
    public void A_pod_says_what_it_needs_and_takes_no_more_than_its_limits(string overlay) => Assert.All(Overlay.Named(overlay).Workloads, workload =>
    {
        V1ResourceRequirements resources = workload.Container.Resources;
        foreach (string resource in new[] { "cpu", "memory", "ephemeral-storage" })
        {
            Assert.True(resources.Requests[resource].ToDecimal() > 0, resource);
            Assert.True(resources.Limits[resource].ToDecimal() >= resources.Requests[resource].ToDecimal(), resource);
        }
    });

    [KubectlTheory]
    [InlineData("local", 1.5, 2, "1.5 CPUs, 2 GiB |")]
    [InlineData("production", 6.5, 2.5, "**6.5 CPUs**, 2.5 GiB;")]
    [InlineData("production+small", 1.7, 1.25, "with [small](components/small) 1.7 and 1.25 |")]
    [InlineData("single", 0.5, 0.5, "0.5 CPUs, 0.5 GiB |")]
    public void What_all_pods_ask_for_is_what_the_document_says(string overlay, decimal cores, decimal gibibytes, string said)
    {
        decimal Sum(string resource) => Overlay.Named(overlay).Workloads.Sum(workload => workload.Replicas!.Value * workload.Container.Resources.Requests[resource].ToDecimal());

        Assert.Equal((cores, gibibytes), (Sum("cpu"), Sum("memory") / (1 << 30)));
        Assert.Contains(said, Tree.Read("k8s/README.md"), StringComparison.Ordinal);
    }

    [KubectlTheory]
    [MemberData(nameof(OverlayCases.All), MemberType = typeof(OverlayCases))]
    public void A_node_is_asked_how_it_is_where_it_says_so(string overlay)
    {
        Overlay built = Overlay.Named(overlay);

        Assert.All(built.Nodes, node =>
        {
            string scheme = new Uri(built.VariablesOf(node)["EXPOCLUSTER_HTTP"]!).Scheme.ToUpperInvariant();
            void AssertAsks(V1Probe probe, string path)
            {
                Assert.Equal((path, "web", scheme), (probe.HttpGet.Path, probe.HttpGet.Port.Value, probe.HttpGet.Scheme));
                // The checks of /health/ready have two seconds.
                Assert.True(probe.TimeoutSeconds > 2);
            }

            AssertAsks(node.Container.StartupProbe, "/health/live");
            AssertAsks(node.Container.LivenessProbe, "/health/live");
            AssertAsks(node.Container.ReadinessProbe, "/health/ready");
            // No question is asked of a normal start that it would answer by no; docs/operations.md has what was measured. The others begin when this one is answered.
            int patience = node.Container.StartupProbe.InitialDelaySeconds ?? 0;
            Assert.Equal(overlay == "single" ? 10 : 15, patience);
            Assert.Contains("| first asked after | 15 s | 10 s |", Tree.Read("docs/operations.md"), StringComparison.Ordinal);
            Assert.Equal((0, 0), (node.Container.LivenessProbe.InitialDelaySeconds ?? 0, node.Container.ReadinessProbe.InitialDelaySeconds ?? 0));
            // A node that comes up elsewhere takes up to 25 s, one whose database is not there yet longer.
            Assert.True(node.Container.StartupProbe.PeriodSeconds * node.Container.StartupProbe.FailureThreshold >= 120);
        });
        Assert.All(built.Workloads, workload => Assert.All(
            [workload.Container.StartupProbe, workload.Container.LivenessProbe, workload.Container.ReadinessProbe], Assert.NotNull));
    }

    [KubectlTheory]
    [MemberData(nameof(OverlayCases.All), MemberType = typeof(OverlayCases))]
    public void No_image_is_whatever_is_newest(string overlay) => Assert.All(Overlay.Named(overlay).Workloads, workload =>
    {
        Assert.Matches(@"^[\w./-]+:(?!latest$)[\w.-]+$", workload.Container.Image);
        Assert.Equal("IfNotPresent", workload.Container.ImagePullPolicy);
    });

    [KubectlTheory]
    [MemberData(nameof(OverlayCases.All), MemberType = typeof(OverlayCases))]
    public void No_secret_stands_in_an_object(string overlay)
    {
        Overlay built = Overlay.Named(overlay);

        Assert.Empty(built.All<V1Secret>());
        Assert.DoesNotMatch(UserAndPassword(), built.Text);
        Assert.All(
            built.Workloads.SelectMany(built.VariablesOf).Where(variable => SecretName().IsMatch(variable.Key) && variable.Value is not null),
            variable => Assert.StartsWith("/", variable.Value!.Replace("token:", "", StringComparison.Ordinal), StringComparison.Ordinal));
    }

    [KubectlTheory]
    [MemberData(nameof(OverlayCases.All), MemberType = typeof(OverlayCases))]
    public void The_files_that_a_node_is_told_of_are_mounted_and_secrets_only_for_reading(string overlay)
    {
        Overlay built = Overlay.Named(overlay);

        Assert.All(built.Nodes, node =>
        {
            Assert.All(node.Container.VolumeMounts, mount => Assert.Contains(mount.Name, node.Pod.Volumes.Select(volume => volume.Name)));
            V1Volume credentials = Assert.Single(node.Pod.Volumes, volume => volume.Projected is not null);
            V1VolumeMount place = node.Container.VolumeMounts.Single(mount => mount.Name == credentials.Name);
            Assert.True(place.ReadOnlyProperty);
            Assert.Equal(0b100_100_000, credentials.Projected.DefaultMode);
            string[] files = [.. credentials.Projected.Sources.SelectMany(source => source.Secret.Items).Select(item => $"{place.MountPath}/{item.Path}")];
            string[] named = [.. built.VariablesOf(node).Values.OfType<string>().SelectMany(value => CredentialPath().Matches(value)).Select(match => match.Value)];
            Assert.NotEmpty(named);
            Assert.All(named, path => Assert.Contains(path, files));
            Assert.Equal("/models", built.VariablesOf(node)["EXPOCLUSTER_STORAGE_ROOT"]);
            string models = node.Container.VolumeMounts.Single(mount => mount.MountPath == "/models").Name;
            string claim = node.Pod.Volumes.Single(volume => volume.Name == models).PersistentVolumeClaim.ClaimName;
            Assert.Contains(claim, built.All<V1PersistentVolumeClaim>().Select(item => item.Metadata.Name));
            Assert.Contains(node.Container.VolumeMounts, mount => mount.MountPath == "/tmp");
        });
        Assert.DoesNotContain("ca.key", built.Text, StringComparison.Ordinal);
    }

    [KubectlTheory]
    [MemberData(nameof(OverlayCases.All), MemberType = typeof(OverlayCases))]
    public void Every_variable_is_one_that_a_node_reads_and_none_comes_from_elsewhere(string overlay)
    {
        Overlay built = Overlay.Named(overlay);
        string hub = string.Concat(Directory.EnumerateFiles(Path.Join(Tree.Root, "src/ExpoCluster.Core/Hub"), "*.cs").Select(File.ReadAllText));

        Assert.All(built.Nodes, node =>
        {
            Assert.All(built.VariablesOf(node).Keys, name => Assert.True(
                NodeVariables.All.Contains(name) || (name.StartsWith("HF_", StringComparison.Ordinal) && hub.Contains($"\"{name}\"", StringComparison.Ordinal)), name));
            // Kubernetes would name a service "expocluster" in EXPOCLUSTER_PORT.
            Assert.False(node.Pod.EnableServiceLinks ?? true);
        });
    }

    [KubectlTheory]
    [MemberData(nameof(OverlayCases.All), MemberType = typeof(OverlayCases))]
    public void Nodes_know_each_other_by_certificates_and_users_by_tokens(string overlay)
    {
        Overlay built = Overlay.Named(overlay);

        Assert.All(built.Nodes, node =>
        {
            SortedDictionary<string, string?> variables = built.VariablesOf(node);
            Assert.Equal("token:/credentials/tokens", variables["EXPOCLUSTER_AUTH"]);
            Assert.Equal(
                ("/credentials/node.crt", "/credentials/node.key", "/credentials/ca.crt"),
                (variables["EXPOCLUSTER_TLS_CERT"], variables["EXPOCLUSTER_TLS_KEY"], variables["EXPOCLUSTER_TLS_CA"]));
        });
    }

    [GeneratedRegex(@"://[^/\s:@]+:[^@/\s]+@|[Pp]assword=")]
    private static partial Regex UserAndPassword();

    [GeneratedRegex("PASSWORD|TOKEN|KEY|SECRET|AUTH")]
    private static partial Regex SecretName();

    [GeneratedRegex(@"/credentials/[\w.-]+")]
    private static partial Regex CredentialPath();
}
