using k8s.Models;

namespace ExpoCluster.Repository.Kubernetes;

/// <summary>Who reaches whom in any overlay, and at which ports.</summary>
public sealed class TrafficTests
{
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
    [MemberData(nameof(OverlayCases.All), MemberType = typeof(OverlayCases))]
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
    [MemberData(nameof(OverlayCases.All), MemberType = typeof(OverlayCases))]
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

    [KubectlFact]
    public void The_database_of_local_has_an_address_that_stays_when_its_pod_is_another() =>
        Assert.Null(Overlay.Named("local").All<V1Service>().Single(service => service.Metadata.Name == "expocluster-database").Spec.ClusterIP);

    [KubectlTheory]
    [MemberData(nameof(OverlayCases.All), MemberType = typeof(OverlayCases))]
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
    [MemberData(nameof(OverlayCases.All), MemberType = typeof(OverlayCases))]
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
    [MemberData(nameof(OverlayCases.All), MemberType = typeof(OverlayCases))]
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
        V1NetworkPolicy hub = Assert.Single(Outward(OverlayCases.WithEverything));
        Assert.Equal(["443"], hub.Spec.Egress.SelectMany(rule => rule.Ports).Select(port => port.Port.Value));
        Assert.Contains("10.0.0.0/8", hub.Spec.Egress.SelectMany(rule => rule.To).First().IpBlock.Except);
    }

    private static void AssertIsOf(Workload[] workloads, V1NetworkPolicyPort port) => Assert.All(workloads, workload =>
        Assert.Contains(port.Port.Value, workload.Container.Ports.SelectMany(own => new[] { own.Name, own.ContainerPort.ToString(null, null) })));

    private static int PortOf(Workload workload, string name) => workload.Container.Ports.Single(port => port.Name == name).ContainerPort;
}
