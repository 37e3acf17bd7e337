using System.Text.RegularExpressions;
using System.Xml.Linq;
using k8s.Models;

namespace ExpoCluster.Repository.Kubernetes;

/// <summary>What the manifests of every overlay are.</summary>
public sealed partial class ManifestTests
{
    [Fact]
    public void The_overlays_are_those_of_the_documents() => Assert.Equal(["local", "production", "single"], Overlay.Names);

    [KubectlTheory]
    [MemberData(nameof(OverlayCases.All), MemberType = typeof(OverlayCases))]
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
    [InlineData(OverlayCases.WithEverything, "coordinator,web", 2, "worker", null)]
    [InlineData(OverlayCases.WithKeda, "coordinator,web", 2, "worker", null)]
    [InlineData("production+manual-scaling", "coordinator,web", 2, "worker", null)]
    public void The_nodes_are_there(string overlay, string first, int? firstCount, string? second, int? secondCount)
    {
        Overlay built = Overlay.Named(overlay);
        (string, int?)[] expected = second is null ? [(first, firstCount)] : [(first, firstCount), (second, secondCount)];

        Assert.Equal(expected, built.Nodes.Select(node => (built.VariablesOf(node)["EXPOCLUSTER_ROLES"]!, node.Replicas)));
        Assert.All(built.Nodes, node => Assert.Equal(["node"], node.Container.Args));
    }

    [KubectlTheory]
    [MemberData(nameof(OverlayCases.All), MemberType = typeof(OverlayCases))]
    public void Everything_stands_in_one_namespace_that_takes_restricted_pods_only(string overlay)
    {
        Overlay built = Overlay.Named(overlay);
        V1Namespace own = Assert.Single(built.All<V1Namespace>());

        Assert.Equal("restricted", own.Metadata.Labels["pod-security.kubernetes.io/enforce"]);
        Assert.All(
            built.Objects.OfType<IMetadata<V1ObjectMeta>>().Where(item => item is not (V1Namespace or V1PriorityClass)),
            item => Assert.Equal(own.Metadata.Name, item.Metadata.NamespaceProperty));
    }

    [KubectlFact]
    public void Production_names_the_version_of_this_tree()
    {
        string version = XDocument.Load(Path.Join(Tree.Root, "Directory.Build.props")).Descendants("Version").Single().Value;

        Assert.All(Overlay.Named("production").Nodes, node => Assert.EndsWith(":" + version, node.Container.Image, StringComparison.Ordinal));
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
    [InlineData("local", "ReadWriteOnce")]
    [InlineData("production", "ReadWriteMany")]
    [InlineData("single", "ReadWriteOnce")]
    public void Models_lie_on_a_volume_that_those_who_use_it_may_mount(string overlay, string mode) =>
        Assert.Equal([mode], Overlay.Named(overlay).All<V1PersistentVolumeClaim>().Single().Spec.AccessModes);

    [KubectlTheory]
    [MemberData(nameof(OverlayCases.All), MemberType = typeof(OverlayCases))]
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

    [GeneratedRegex("^kind: ", RegexOptions.Multiline)]
    private static partial Regex ObjectStart();
}
