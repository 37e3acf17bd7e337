using k8s.Models;

namespace ExpoCluster.Repository.Kubernetes;

/// <summary>How pods of any overlay come and go.</summary>
public sealed class RolloutTests
{
    [KubectlTheory]
    [MemberData(nameof(OverlayCases.All), MemberType = typeof(OverlayCases))]
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
    [MemberData(nameof(OverlayCases.All), MemberType = typeof(OverlayCases))]
    public void A_node_is_given_the_time_that_it_needs_to_leave(string overlay) => Assert.All(Overlay.Named(overlay).Nodes, node =>
        // 5 s for requests, 10 s for parts, 15 s to leave, and as much again as compose leaves.
        Assert.True(node.Pod.TerminationGracePeriodSeconds - (node.Container.Lifecycle?.PreStop.Sleep.Seconds ?? 0) >= 40, node.Name));

    [KubectlFact]
    public void A_single_node_is_never_two() => Assert.Single(Overlay.Named("single").All<V1StatefulSet>(), made => made.Spec.Replicas == 1);

    [KubectlFact]
    public void The_autoscaler_scales_workers_by_a_metric_that_nodes_serve()
    {
        Overlay built = Overlay.Named(OverlayCases.WithEverything);
        V2HorizontalPodAutoscaler scaler = Assert.Single(built.All<V2HorizontalPodAutoscaler>());

        Assert.Equal(("Deployment", "expocluster-worker"), (scaler.Spec.ScaleTargetRef.Kind, scaler.Spec.ScaleTargetRef.Name));
        Assert.Equal("worker", built.VariablesOf(built.Workload(scaler.Spec.ScaleTargetRef.Name))["EXPOCLUSTER_ROLES"]);
        V2MetricIdentifier metric = Assert.Single(scaler.Spec.Metrics).Pods.Metric;
        // What the document says of metrics is tested against what is served.
        Assert.Contains($"| `{metric.Name}` | {{part}} | level | queue |", Tree.Read("docs/observability.md"), StringComparison.Ordinal);
        Assert.Equal("lane", metric.Selector.MatchLabels["queue"]);
        Assert.Contains(metric.Name, Tree.Read("k8s/README.md"), StringComparison.Ordinal);
    }

    private static (string Type, string Surge, string Unavailable) RollingOf(V1Deployment made) =>
        (made.Spec.Strategy.Type, made.Spec.Strategy.RollingUpdate.MaxSurge.Value, made.Spec.Strategy.RollingUpdate.MaxUnavailable.Value);

    private static int? Priority(Overlay overlay, string name) => overlay.All<V1PriorityClass>().Single(priority => priority.Metadata.Name == name).Value;
}
