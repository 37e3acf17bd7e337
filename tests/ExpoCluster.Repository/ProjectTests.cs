using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace ExpoCluster.Repository;

/// <summary>A project exists only to forbid a dependency: these are the ones that are allowed.</summary>
public sealed class ProjectTests
{
    private static readonly Dictionary<string, string[]> Drawn = new()
    {
        ["ExpoCluster.Tensors"] = [],
        ["ExpoCluster.Core"] = ["ExpoCluster.Tensors"],
        ["ExpoCluster.Cluster"] = ["ExpoCluster.Core"],
        ["ExpoCluster.Client"] = [],
        ["ExpoCluster.Server"] = ["ExpoCluster.Client", "ExpoCluster.Cluster"],
        ["ExpoCluster.Cli"] = ["ExpoCluster.Server"],
    };

    public static TheoryData<string> Names => [.. Tree.ProjectNames];

    [Fact]
    public void The_projects_are_those_of_the_drawing() => Assert.Equal(Drawn.Keys.Order(), Tree.ProjectNames);

    [Theory]
    [MemberData(nameof(Names))]
    public void A_project_references_exactly_what_is_drawn(string project)
    {
        IEnumerable<string> references = Tree.Project(project)
            .Descendants("ProjectReference")
            .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value))
            .Order();

        Assert.Equal(Drawn[project], references);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_project_has_its_tests(string project) =>
        Assert.True(File.Exists(Path.Join(Tree.Root, "tests", project + ".Tests", project + ".Tests.csproj")));

    [Fact]
    public void Tensors_has_no_dependencies() => Assert.Empty(Packages("ExpoCluster.Tensors"));

    [Fact]
    public void Core_knows_neither_Akka_nor_AspNetCore()
    {
        string[] references = [.. typeof(ExpoCluster.Core.Jobs.JobState).Assembly.GetReferencedAssemblies().Select(name => name.Name!)];

        Assert.DoesNotContain(references, name => name.StartsWith("Akka", StringComparison.Ordinal));
        Assert.DoesNotContain(references, name => name.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal));
        Assert.DoesNotContain(Packages("ExpoCluster.Core"), name => name.StartsWith("Akka", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("Akka.Cluster")]
    [InlineData("Akka.Cluster.Sharding")]
    [InlineData("Akka.Persistence.Sql")]
    public void Cluster_references_Akka_directly(string package) => Assert.Contains(package, Packages("ExpoCluster.Cluster"));

    [Fact]
    public void Unsafe_code_is_in_Tensors_only()
    {
        IEnumerable<string> withUnsafe = Tree.ProjectNames.Where(project => Tree.Project(project).Descendants("AllowUnsafeBlocks").Any());

        Assert.Equal(["ExpoCluster.Tensors"], withUnsafe);
    }

    [Fact]
    public void Versions_are_given_in_one_place()
    {
        IEnumerable<string> projects = Directory.EnumerateFiles(Tree.Root, "*.csproj", SearchOption.AllDirectories);

        Assert.All(projects, project => Assert.All(
            XDocument.Load(project).Descendants("PackageReference"), reference => Assert.Null(reference.Attribute("Version"))));
    }

    [Fact]
    public void No_type_is_named_by_a_word_that_says_nothing()
    {
        var empty = new Regex(
            @"\b(?:class|record|struct|interface|enum)\s+(?:struct\s+)?\w*(?:Manager|Helper|Util|Handler|Processor|Chunk|Task|WorkItem)\w*");

        Assert.All(Tree.Sources, source => Assert.DoesNotMatch(empty, File.ReadAllText(source)));
    }

    private static IEnumerable<string> Packages(string project) =>
        Tree.Project(project).Descendants("PackageReference").Select(reference => reference.Attribute("Include")!.Value);
}
