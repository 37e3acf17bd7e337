using System.Text.RegularExpressions;
using System.Xml.Linq;
using k8s;
using k8s.Models;

namespace ExpoCluster.Repository.Kubernetes;

/// <summary>What the manifests of every overlay promise, and that they fit together.</summary>
public sealed partial class ManifestTests
{
    private const string WithEverything = "production+hub+autoscaling";

    public static TheoryData<string> Overlays => [.. Overlay.Names, WithEverything];

    [Fact]
    public void The_overlays_are_those_of_the_documents() => Assert.Equal(["local", "production", "single"], Overlay.Names);

    [KubectlTheory]
    [MemberData(nameof(Overlays))]
    public void Every_object_is_one_that_Kubernetes_knows_with_fields_that_it_knows(string overlay)
    {
        Overlay built = Overlay.Named(overlay);

        Assert.Equal(ObjectStart().Count(built.Text), built.Objects.Length);
        Assert.True(built.Objects.Length >= 12, built.Text);
    }

    [Fact]
    public void A_field_that_there_is_not_is_noticed() => Assert.ThrowsAny<Exception>(() => Overlay.Parse(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: x\nautomountServiceAccountTokens: false\n"));

    [KubectlTheory]
    [InlineData("local", "coordinator,web", 2, "worker", 3)]
    [InlineData("production", "coordinator,web", 2, "worker", 3)]
    [InlineData("single", "coordinator,worker,web", 1, null, null)]
    [InlineData(WithEverything, "coordinator,web", 2, "worker", null)]
    public void The_nodes_are_there(string overlay, string first, int? firstCount, string? second, int? secondCount)
    {
        Overlay built = Overlay.Named(overlay);
        (string, int?)[] expected = second is null ? [(first, firstCount)] : [(first, firstCount), (second, secondCount)];

        Assert.Equal(expected, built.Nodes.Select(node => (built.VariablesOf(node)["EXPOCLUSTER_ROLES"]!, node.Replicas)));
        Assert.All(built.Nodes, node => Assert.Equal(["node"], node.Container.Args));
    }

    [KubectlTheory]
    [MemberData(nameof(Overlays))]
    public void Everything_stands_in_one_namespace_that_takes_restricted_pods_only(string overlay)
    {
        Overlay built = Overlay.Named(overlay);
        V1Namespace own = Assert.Single(built.All<V1Namespace>());

        Assert.Equal("restricted", own.Metadata.Labels["pod-security.kubernetes.io/enforce"]);
        Assert.All(
            built.Objects.OfType<IMetadata<V1ObjectMeta>>().Where(item => item is not (V1Namespace or V1PriorityClass)),
            item => Assert.Equal(own.Metadata.Name, item.Metadata.NamespaceProperty));
    }

    [KubectlTheory]
    [MemberData(nameof(Overlays))]
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
    [MemberData(nameof(Overlays))]
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
    [MemberData(nameof(Overlays))]
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
    [MemberData(nameof(Overlays))]
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
            // A node that comes up elsewhere takes up to 25 s, one whose database is not there yet longer.
            Assert.True(node.Container.StartupProbe.PeriodSeconds * node.Container.StartupProbe.FailureThreshold >= 120);
        });
        Assert.All(built.Workloads, workload => Assert.All(
            [workload.Container.StartupProbe, workload.Container.LivenessProbe, workload.Container.ReadinessProbe], Assert.NotNull));
    }

    [KubectlTheory]
    [MemberData(nameof(Overlays))]
    public void No_image_is_whatever_is_newest(string overlay) => Assert.All(Overlay.Named(overlay).Workloads, workload =>
    {
        Assert.Matches(@"^[\w./-]+:(?!latest$)[\w.-]+$", workload.Container.Image);
        Assert.Equal("IfNotPresent", workload.Container.ImagePullPolicy);
    });

    [KubectlFact]
    public void Production_names_the_version_of_this_tree()
    {
        string version = XDocument.Load(Path.Join(Tree.Root, "Directory.Build.props")).Descendants("Version").Single().Value;

        Assert.All(Overlay.Named("production").Nodes, node => Assert.EndsWith(":" + version, node.Container.Image, StringComparison.Ordinal));
    }

    [KubectlTheory]
    [MemberData(nameof(Overlays))]
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
    [MemberData(nameof(Overlays))]
    public void The_files_that_a_node_is_told_of_are_mounted_and_secrets_only_for_reading(string overlay)
    {
        Overlay built = Overlay.Named(overlay);

        Assert.All(built.Nodes, node =>
        {
            Assert.All(node.Container.VolumeMounts, mount => Assert.Contains(mount.Name, node.Pod.Volumes.Select(volume => volume.Name)));
            V1Volume credentials = Assert.Single(node.Pod.Volumes, volume => volume.Projected is not null);
            Assert.True(node.Container.VolumeMounts.Single(mount => mount.Name == credentials.Name).ReadOnlyProperty);
            Assert.Equal(0b100_100_000, credentials.Projected.DefaultMode);
            string[] files = [.. credentials.Projected.Sources.SelectMany(source => source.Secret.Items).Select(item => "/credentials/" + item.Path)];
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
    [InlineData("local", "ReadWriteOnce")]
    [InlineData("production", "ReadWriteMany")]
    [InlineData("single", "ReadWriteOnce")]
    public void Models_lie_on_a_volume_that_those_who_use_it_may_mount(string overlay, string mode) =>
        Assert.Equal([mode], Overlay.Named(overlay).All<V1PersistentVolumeClaim>().Single().Spec.AccessModes);

    [KubectlTheory]
    [MemberData(nameof(Overlays))]
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
    [InlineData("local", "postgres://expo@expocluster-database/expo?Passfile=/credentials/pgpass")]
    [InlineData("production", null)]
    [InlineData("single", "sqlite:/models/expocluster.db")]
    public void The_database_is(string overlay, string? url)
    {
        Overlay built = Overlay.Named(overlay);

        Assert.All(built.Nodes, node => Assert.Equal(url, built.VariablesOf(node)["EXPOCLUSTER_DATABASE"]));
        if (url is null)
        {
            Assert.All(built.Nodes, node =>
            {
                V1SecretKeySelector reference = node.Container.Env.Single(variable => variable.Name == "EXPOCLUSTER_DATABASE").ValueFrom.SecretKeyRef;
                Assert.Equal(("expocluster-database", "url", null), (reference.Name, reference.Key, reference.Optional));
            });
        }
    }

    [KubectlTheory]
    [MemberData(nameof(Overlays))]
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

    [KubectlTheory]
    [InlineData("local", "http://0.0.0.0:8080")]
    [InlineData("production", "https://0.0.0.0:8443")]
    [InlineData("single", "https://0.0.0.0:8443")]
    public void HTTP_is_served_at(string overlay, string address)
    {
        Overlay built = Overlay.Named(overlay);

        Assert.All(built.Nodes, node => Assert.Equal(address, built.VariablesOf(node)["EXPOCLUSTER_HTTP"]));
    }

    [KubectlTheory]
    [MemberData(nameof(Overlays))]
    public void Ports_are_those_that_a_node_listens_on(string overlay)
    {
        Overlay built = Overlay.Named(overlay);

        Assert.All(built.Nodes, node =>
        {
            SortedDictionary<string, string?> variables = built.VariablesOf(node);
            Assert.Equal(new Uri(variables["EXPOCLUSTER_HTTP"]!).Port, PortOf(node, "web"));
            if (overlay == "single")
            {
                Assert.Equal("127.0.0.1", variables["EXPOCLUSTER_HOSTNAME"]);
                Assert.Single(node.Container.Ports);
            }
            else
            {
                Assert.Equal(int.Parse(variables["EXPOCLUSTER_PORT"]!, null), PortOf(node, "remoting"));
                Assert.Equal("status.podIP", node.Container.Env.Single(variable => variable.Name == "EXPOCLUSTER_HOSTNAME").ValueFrom.FieldRef.FieldPath);
            }
        });
    }

    [KubectlTheory]
    [MemberData(nameof(Overlays))]
    public void A_service_leads_to_a_port_of_pods_that_there_are(string overlay)
    {
        Overlay built = Overlay.Named(overlay);

        Assert.NotEmpty(built.All<V1Service>());
        Assert.All(built.All<V1Service>(), service =>
        {
            Workload[] chosen = [.. built.Workloads.Where(workload => workload.Matches(service.Spec.Selector))];
            Assert.NotEmpty(chosen);
            Assert.All(service.Spec.Ports, port => Assert.All(chosen, workload =>
                Assert.Contains(port.TargetPort.Value, workload.Container.Ports.Select(own => own.Name))));
            // Behind a headless service nobody translates ports.
            Assert.All(service.Spec.Ports.Where(_ => service.Spec.ClusterIP == "None"), port =>
                Assert.All(chosen, workload => Assert.Equal(port.Port, PortOf(workload, port.TargetPort.Value))));
        });
        Assert.Equal(overlay == "single" ? 0 : 1, built.All<V1Service>().Count(service => service.Metadata.Name == "expocluster-nodes" && service.Spec.ClusterIP == "None"));
    }

    [KubectlTheory]
    [MemberData(nameof(Overlays))]
    public void A_workload_finds_its_own_pods_and_no_others(string overlay)
    {
        Overlay built = Overlay.Named(overlay);

        Assert.All(built.Workloads, workload => Assert.Equal([workload.Name], built.Workloads.Where(other => other.Matches(workload.Selector)).Select(other => other.Name)));
        Assert.All(built.Workloads.SelectMany(workload => (workload.Pod.TopologySpreadConstraints ?? []).Select(spread => (workload, spread))), pair =>
            Assert.Equal([pair.workload.Name], built.Workloads.Where(other => other.Matches(pair.spread.LabelSelector)).Select(other => other.Name)));
        Assert.All(built.Workloads, workload => Assert.Contains(workload.Pod.PriorityClassName, built.All<V1PriorityClass>().Select(priority => priority.Metadata.Name)));
    }

    [KubectlTheory]
    [InlineData("local")]
    [InlineData("production")]
    public void Nodes_are_spread_and_leave_one_after_the_other_and_in_peace(string overlay)
    {
        Overlay built = Overlay.Named(overlay);

        Assert.All(built.Nodes, node =>
        {
            Assert.Equal(["kubernetes.io/hostname", "topology.kubernetes.io/zone"], node.Pod.TopologySpreadConstraints.Select(spread => spread.TopologyKey));
            V1PodDisruptionBudget budget = Assert.Single(built.All<V1PodDisruptionBudget>(), budget => node.Matches(budget.Spec.Selector));
            Assert.Equal("1", budget.Spec.MaxUnavailable.Value);
        });
        V1Deployment web = built.All<V1Deployment>().Single(made => made.Metadata.Name == "expocluster-web");
        V1Deployment worker = built.All<V1Deployment>().Single(made => made.Metadata.Name == "expocluster-worker");
        Assert.Equal(("RollingUpdate", "1", "0"), RollingOf(web));
        Assert.Equal(("RollingUpdate", "1", "1"), RollingOf(worker));
        Assert.All([web, worker], made => Assert.True(made.Spec.MinReadySeconds >= 5));
        Assert.Equal("expocluster-coordinator", web.Spec.Template.Spec.PriorityClassName);
        Assert.True(Priority(built, "expocluster-coordinator") > Priority(built, "expocluster-worker"));
    }

    [KubectlTheory]
    [MemberData(nameof(Overlays))]
    public void A_node_is_given_the_time_that_it_needs_to_leave(string overlay) => Assert.All(Overlay.Named(overlay).Nodes, node =>
        // 5 s for requests, 10 s for parts, 15 s to leave, and as much again as compose leaves.
        Assert.True(node.Pod.TerminationGracePeriodSeconds - (node.Container.Lifecycle?.PreStop.Sleep.Seconds ?? 0) >= 40, node.Name));

    [KubectlFact]
    public void A_single_node_is_never_two() => Assert.Single(Overlay.Named("single").All<V1StatefulSet>(), made => made.Spec.Replicas == 1);

    [KubectlTheory]
    [MemberData(nameof(Overlays))]
    public void Nothing_is_let_in_or_out_but_what_a_policy_names(string overlay)
    {
        Overlay built = Overlay.Named(overlay);
        V1NetworkPolicy[] policies = [.. built.All<V1NetworkPolicy>()];

        V1NetworkPolicy rest = policies.Single(policy => policy.Metadata.Name == "nothing-else");
        Assert.Empty(rest.Spec.PodSelector.MatchLabels ?? new Dictionary<string, string>());
        Assert.Equal(["Ingress", "Egress"], rest.Spec.PolicyTypes);
        Assert.Null(rest.Spec.Ingress);
        Assert.Null(rest.Spec.Egress);
        Assert.All(policies.SelectMany(policy => policy.Spec.Ingress ?? []), rule =>
        {
            Assert.NotEmpty(rule.FromProperty);
            Assert.NotEmpty(rule.Ports);
            Assert.DoesNotContain(rule.FromProperty, peer => peer.IpBlock is not null);
        });
        Assert.All(policies.SelectMany(policy => policy.Spec.Egress ?? []), rule =>
        {
            Assert.NotEmpty(rule.To);
            Assert.NotEmpty(rule.Ports);
        });
    }

    [KubectlTheory]
    [MemberData(nameof(Overlays))]
    public void A_policy_is_about_pods_and_ports_that_there_are(string overlay)
    {
        Overlay built = Overlay.Named(overlay);

        Assert.All(built.All<V1NetworkPolicy>(), policy =>
        {
            Workload[] chosen = [.. built.Workloads.Where(workload => workload.Matches(policy.Spec.PodSelector))];
            Assert.NotEmpty(chosen);
            Assert.All((policy.Spec.Ingress ?? []).SelectMany(rule => rule.Ports), port => AssertIsOf(chosen, port));
            foreach (V1NetworkPolicyEgressRule rule in policy.Spec.Egress ?? [])
            {
                Workload[] called = [.. rule.To.Where(peer => peer is { PodSelector: not null, NamespaceSelector: null })
                    .SelectMany(peer => built.Workloads.Where(workload => workload.Matches(peer.PodSelector)))];
                Assert.True(called.Length > 0 || rule.To.All(peer => peer.PodSelector is null || peer.NamespaceSelector is not null), policy.Metadata.Name);
                Assert.All(rule.Ports, port => AssertIsOf(called, port));
            }
        });
    }

    [KubectlTheory]
    [MemberData(nameof(Overlays))]
    public void Remoting_is_among_nodes_only_and_HTTP_for_namespaces_that_were_named(string overlay)
    {
        Overlay built = Overlay.Named(overlay);
        (string Port, V1NetworkPolicyPeer Peer)[] lets =
        [
            .. built.All<V1NetworkPolicy>().Where(policy => built.Nodes.Any(node => node.Matches(policy.Spec.PodSelector)))
                .SelectMany(policy => policy.Spec.Ingress ?? [])
                .SelectMany(rule => rule.Ports.SelectMany(port => rule.FromProperty.Select(peer => (port.Port.Value, peer)))),
        ];

        Assert.Equal(overlay == "single" ? ["web", "web"] : new[] { "4053", "web", "web" }, lets.Select(let => let.Port).Order(StringComparer.Ordinal));
        Assert.All(lets, let =>
        {
            if (let.Port == "web")
            {
                Assert.NotEmpty(let.Peer.NamespaceSelector.MatchLabels);
                Assert.Null(let.Peer.PodSelector);
            }
            else
            {
                Assert.Null(let.Peer.NamespaceSelector);
                Assert.Equal(built.Nodes.Select(node => node.Name), built.Workloads.Where(workload => workload.Matches(let.Peer.PodSelector)).Select(workload => workload.Name));
            }
        });
    }

    [KubectlFact]
    public void Only_with_the_component_does_production_reach_the_Hub_and_only_by_HTTPS()
    {
        static V1NetworkPolicy[] Outward(string overlay) => [.. Overlay.Named(overlay).All<V1NetworkPolicy>()
            .Where(policy => (policy.Spec.Egress ?? []).SelectMany(rule => rule.To).Any(peer => peer.IpBlock?.Cidr == "0.0.0.0/0"))];

        Assert.Empty(Outward("production"));
        V1NetworkPolicy hub = Assert.Single(Outward(WithEverything));
        Assert.Equal(["443"], hub.Spec.Egress.SelectMany(rule => rule.Ports).Select(port => port.Port.Value));
        Assert.Contains("10.0.0.0/8", hub.Spec.Egress.SelectMany(rule => rule.To).First().IpBlock.Except);
    }

    [KubectlFact]
    public void The_autoscaler_scales_workers_by_a_metric_that_nodes_serve()
    {
        Overlay built = Overlay.Named(WithEverything);
        V2HorizontalPodAutoscaler scaler = Assert.Single(built.All<V2HorizontalPodAutoscaler>());

        Assert.Equal(("Deployment", "expocluster-worker"), (scaler.Spec.ScaleTargetRef.Kind, scaler.Spec.ScaleTargetRef.Name));
        Assert.Equal("worker", built.VariablesOf(built.Workload(scaler.Spec.ScaleTargetRef.Name))["EXPOCLUSTER_ROLES"]);
        V2MetricIdentifier metric = Assert.Single(scaler.Spec.Metrics).Pods.Metric;
        // What the document says of metrics is tested against what is served.
        Assert.Contains($"| `{metric.Name}` | {{part}} | level | queue |", Tree.Read("docs/observability.md"), StringComparison.Ordinal);
        Assert.Equal("lane", metric.Selector.MatchLabels["queue"]);
        Assert.Contains(metric.Name, Tree.Read("k8s/README.md"), StringComparison.Ordinal);
    }

    [KubectlTheory]
    [MemberData(nameof(Overlays))]
    public void The_README_says_how_each_secret_is_made(string overlay)
    {
        Overlay built = Overlay.Named(overlay);
        string readme = Tree.Read("k8s/README.md");
        (string Secret, string Key)[] keys =
        [
            .. built.Workloads.SelectMany(workload => workload.Pod.Volumes).SelectMany(volume => volume.Projected?.Sources ?? [])
                .SelectMany(source => source.Secret.Items.Select(item => (source.Secret.Name, item.Key))),
            .. built.Workloads.SelectMany(workload => workload.Pod.Volumes).Where(volume => volume.Secret is not null)
                .SelectMany(volume => volume.Secret.Items.Select(item => (volume.Secret.SecretName, item.Key))),
            .. built.Workloads.SelectMany(workload => workload.Container.Env ?? []).Select(variable => variable.ValueFrom?.SecretKeyRef).OfType<V1SecretKeySelector>()
                .Select(reference => (reference.Name, reference.Key)),
        ];

        Assert.NotEmpty(keys);
        Assert.All(keys, key => Assert.Matches(
            $@"create secret generic {key.Secret}\b[^\n]*(\\\n[^\n]*)*--from-file=({Regex.Escape(key.Key)}=|credentials/{Regex.Escape(key.Key)}\b)", readme));
    }

    private static void AssertIsOf(Workload[] workloads, V1NetworkPolicyPort port) => Assert.All(workloads, workload =>
        Assert.Contains(port.Port.Value, workload.Container.Ports.SelectMany(own => new[] { own.Name, own.ContainerPort.ToString(null, null) })));

    private static int PortOf(Workload workload, string name) => workload.Container.Ports.Single(port => port.Name == name).ContainerPort;

    private static (string Type, string Surge, string Unavailable) RollingOf(V1Deployment made) =>
        (made.Spec.Strategy.Type, made.Spec.Strategy.RollingUpdate.MaxSurge.Value, made.Spec.Strategy.RollingUpdate.MaxUnavailable.Value);

    private static int Priority(Overlay overlay, string name) => overlay.All<V1PriorityClass>().Single(priority => priority.Metadata.Name == name).Value;

    [GeneratedRegex("^kind: ", RegexOptions.Multiline)]
    private static partial Regex ObjectStart();

    [GeneratedRegex(@"://[^/\s:@]+:[^@/\s]+@|[Pp]assword=")]
    private static partial Regex UserAndPassword();

    [GeneratedRegex("PASSWORD|TOKEN|KEY|SECRET|AUTH")]
    private static partial Regex SecretName();

    [GeneratedRegex(@"/credentials/[\w.-]+")]
    private static partial Regex CredentialPath();
}
