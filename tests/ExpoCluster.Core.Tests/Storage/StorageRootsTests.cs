using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Tests.Storage;

public sealed class StorageRootsTests : IDisposable
{
    private readonly TemporaryDirectory place = new();
    private readonly string first;
    private readonly string second;
    private readonly StorageRoots roots;

    public StorageRootsTests()
    {
        first = RealPath.Of(Directory.CreateDirectory(Path.Join(place.Path, "first")).FullName);
        second = RealPath.Of(Directory.CreateDirectory(Path.Join(place.Path, "second")).FullName);
        Directory.CreateDirectory(Path.Join(place.Path, "elsewhere"));
        roots = new StorageRoots([first, second]);
    }

    public void Dispose() => place.Dispose();

    [Fact]
    public void A_relative_path_is_below_the_first_root() => Assert.Equal(Path.Join(first, "models", "x"), roots.Resolve("base", "models/./x"));

    [Fact]
    public void An_absolute_path_may_be_below_any_root() => Assert.Equal(Path.Join(second, "x"), roots.Resolve("base", Path.Join(second, "x")));

    [Fact]
    public void A_link_from_one_root_to_the_other_is_followed()
    {
        Directory.CreateSymbolicLink(Path.Join(first, "link"), second);

        Assert.Equal(Path.Join(second, "x"), roots.Resolve("base", "link/x"));
    }

    [Theory]
    [InlineData("../second")]
    [InlineData("models/../x")]
    [InlineData("/etc/passwd")]
    [InlineData("..")]
    [InlineData("a\0b")]
    public void What_climbs_or_is_elsewhere_is_refused(string path)
    {
        UsageException refused = Assert.Throws<UsageException>(() => roots.Resolve("aligned", path));

        Assert.Equal((StorageRoots.OutsideRoots, "aligned"), (refused.Code, refused.Problems[0].Path));
    }

    [Fact]
    public void What_no_system_would_take_is_refused_before_it_is_looked_for()
    {
        Assert.Throws<UsageException>(() => roots.Resolve("out", new string('x', 256)));
        Assert.Throws<UsageException>(() => roots.Resolve("out", string.Concat(Enumerable.Repeat("x/", 1025))));
        Assert.Equal(Path.Join(first, new string('x', 255)), roots.Resolve("out", new string('x', 255)));
    }

    [Fact]
    public void A_link_that_leads_to_itself_is_refused()
    {
        File.CreateSymbolicLink(Path.Join(first, "circle"), Path.Join(first, "circle"));

        Assert.Throws<UsageException>(() => roots.Resolve("base", "circle"));
    }

    [Fact]
    public void A_directory_whose_name_begins_like_a_root_is_elsewhere() => Assert.Throws<UsageException>(() => roots.Resolve("base", first + "-more/x"));

    [Theory]
    [InlineData("link")]
    [InlineData("link/x/y")]
    public void A_link_that_leads_out_is_refused(string path)
    {
        Directory.CreateSymbolicLink(Path.Join(first, "link"), Path.Join(place.Path, "elsewhere"));

        UsageException refused = Assert.Throws<UsageException>(() => roots.Resolve("base", path));

        Assert.Contains("elsewhere", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_weights_file_that_is_a_link_out_of_the_roots_is_refused()
    {
        using var pair = new SmallPair();
        var below = new StorageRoots([RealPath.Of(pair.Root)]);
        Plan plan = Planner.Plan(pair.Recipe).Plan;
        below.Check(plan, new HubCache(place.Path));
        string weights = plan.Inputs[0].Path;
        string outside = Path.Join(place.Path, "outside.safetensors");
        File.Move(weights, outside);
        File.CreateSymbolicLink(weights, outside);

        Assert.Throws<UsageException>(() => below.Check(plan, new HubCache(place.Path)));
    }

    [Fact]
    public void A_side_file_that_is_a_link_out_of_the_roots_is_refused_when_it_is_planned_and_when_it_is_published()
    {
        using var pair = new SmallPair(("model.safetensors", "weight", 10));
        string tokenizer = Path.Join(pair.Aligned, "tokenizer.json");
        File.WriteAllText(tokenizer, "{}");
        var below = new StorageRoots([RealPath.Of(pair.Root)]);
        Plan plan = Planner.Plan(pair.Recipe).Plan;
        below.Check(plan, new HubCache(place.Path));
        string secret = Path.Join(place.Path, "secret");
        File.WriteAllText(secret, "of the machine");
        File.Delete(tokenizer);
        File.CreateSymbolicLink(tokenizer, secret);

        UsageException planned = Assert.Throws<UsageException>(() => below.Check(plan, new HubCache(place.Path)));
        UsageException published = Assert.Throws<UsageException>(
            () => new PublishSequence(pair.Output, "job", roots: below).Prepare(plan, pair.Recipe, [], "test"));

        Assert.Equal([StorageRoots.OutsideRoots, StorageRoots.OutsideRoots], new[] { planned.Code, published.Code });
        Assert.Contains(tokenizer, published.Message, StringComparison.Ordinal);
    }
}
