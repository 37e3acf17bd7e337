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
        // Who comes takes the place of who goes, so that a full machine has room for it and nobody is driven out.
        Assert.Equal(("RollingUpdate", "0", "1"), RollingOf(web));
        Assert.Equal(("RollingUpdate", "0", "1"), RollingOf(worker));
        Assert.All(built.All<V1PriorityClass>(), priority => Assert.Equal("Never", priority.PreemptionPolicy));
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
        V2ExternalMetricSource source = Assert.Single(scaler.Spec.Metrics).External;
        AssertIsServedByCoordinators(source.Metric.Name);
        Assert.Equal("AverageValue", source.Target.Type);
        // A number of parts for each worker says nothing of its lanes, so that a worker of one lane is one of several as well.
        Assert.InRange(source.Target.AverageValue.ToInt32(), 1, 64);
        Assert.Null(built.Workload(scaler.Spec.ScaleTargetRef.Name).Replicas);
        Assert.Contains($"seriesQuery: {source.Metric.Name}{{", Tree.Read("k8s/README.md"), StringComparison.Ordinal);
    }

    [KubectlFact]
    public void Keda_goes_to_no_workers_and_back_by_a_metric_that_nodes_without_that_role_serve()
    {
        Overlay built = Overlay.Named(OverlayCases.WithKeda);
        ScaledObject scaler = Assert.Single(built.All<ScaledObject>());
        ScaledObjectTrigger trigger = Assert.Single(scaler.Spec.Triggers);

        Assert.Equal(("apps/v1", "Deployment", "expocluster-worker"), (scaler.Spec.ScaleTargetRef.ApiVersion, scaler.Spec.ScaleTargetRef.Kind, scaler.Spec.ScaleTargetRef.Name));
        Assert.Equal((0, 12), (scaler.Spec.MinReplicaCount, scaler.Spec.MaxReplicaCount));
        Assert.Null(built.Workload("expocluster-worker").Replicas);
        Assert.Empty(built.All<V2HorizontalPodAutoscaler>());
        Assert.Equal(("prometheus", "AverageValue", "0", "false"), (trigger.Type, trigger.MetricType, trigger.Metadata["activationThreshold"], trigger.Metadata["ignoreNullValues"]));
        Assert.Equal($"sum(expocluster_lanes_wanted{{namespace=\"{scaler.Metadata.NamespaceProperty}\"}})", trigger.Metadata["query"]);
        AssertIsServedByCoordinators("expocluster_lanes_wanted");
        // The label comes from the configuration of Prometheus that is given there.
        Assert.Contains("source_labels: [__meta_kubernetes_namespace], target_label: namespace", Tree.Read("k8s/README.md"), StringComparison.Ordinal);
        Assert.True(scaler.Spec.Fallback!.Replicas > 0);
    }

    // What the document says of metrics is tested against what is served.
    private static void AssertIsServedByCoordinators(string metric) =>
        Assert.Matches($@"\| `{metric}` \| {{lane}} \| level \| \|[^\n]*Nodes that coordinate say it", Tree.Read("docs/observability.md"));

    private static (string Type, string Surge, string Unavailable) RollingOf(V1Deployment made) =>
        (made.Spec.Strategy.Type, made.Spec.Strategy.RollingUpdate.MaxSurge.Value, made.Spec.Strategy.RollingUpdate.MaxUnavailable.Value);

    private static int? Priority(Overlay overlay, string name) => overlay.All<V1PriorityClass>().Single(priority => priority.Metadata.Name == name).Value;
}
