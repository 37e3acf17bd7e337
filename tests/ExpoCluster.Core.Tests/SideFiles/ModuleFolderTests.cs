using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.SideFiles;

/// <summary>Models of sentence-transformers have folders beside their weights, without which they do not load.</summary>
public sealed class ModuleFolderTests : IDisposable
{
    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Fact]
    public void Folders_that_the_modules_name_go_along_whole_and_no_others()
    {
        string[] wanted = ["1_Pooling/config.json", "2_Dense/config.json", "2_Dense/model.safetensors", "3_Router/a/config.json", "3_Router/a/b/x.txt", "config.json", "modules.json"];
        Write([.. wanted, "onnx/model.onnx", "runs/x.json", "1_Pooling/.hidden", "4_Other/config.json"]);
        WriteModules("", "1_Pooling", "2_Dense/", "3_Router");

        Assert.Equal(wanted.Order(StringComparer.Ordinal), SideFileSelection.Select(place.Path).Select(file => file.RelativePath));
    }

    [Fact]
    public void Folders_that_a_router_names_go_along_too()
    {
        string[] wanted = ["document_0_MLMTransformer/config.json", "modules.json", "query_0_SparseStaticEmbedding/config.json", "query_0_SparseStaticEmbedding/model.safetensors", "router_config.json"];
        Write([.. wanted, "other_0_Thing/config.json"]);
        WriteModules("");
        place.Write("router_config.json", """{"types": {"query_0_SparseStaticEmbedding": "x", "document_0_MLMTransformer": "y"}, "structure": {"query": ["query_0_SparseStaticEmbedding"]}}""");

        Assert.Equal(wanted, SideFileSelection.Select(place.Path).Select(file => file.RelativePath));
        Assert.Contains(
            "query_0_SparseStaticEmbedding/model.safetensors: weights of modules beside the model, copied from aligned and not merged",
            ModuleFolders.NotesOn(place.Path, SideFileSelection.Select(place.Path)));
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("{\"types\": [1]}")]
    [InlineData("{\"types\": {\"a\": 1, \".\": \"x\"}}")]
    public void A_router_that_is_none_names_no_folder(string router)
    {
        Write("query_0_X/config.json");
        WriteModules("");
        place.Write("router_config.json", router);

        Assert.Equal(["modules.json", "router_config.json"], SideFileSelection.Select(place.Path).Select(file => file.RelativePath));
    }

    [Fact]
    public void Without_the_list_of_modules_no_folder_goes_along()
    {
        Write("1_Pooling/config.json", "config.json");

        Assert.Equal(["config.json"], SideFileSelection.Select(place.Path).Select(file => file.RelativePath));
    }

    [Theory]
    [InlineData("../other")]
    [InlineData("/etc")]
    [InlineData("a/../../b")]
    [InlineData("a/b/c/d/e")]
    public void A_folder_outside_of_the_model_is_refused(string folder)
    {
        Write("config.json");
        WriteModules("1_Pooling", folder);

        Assert.Equal("EXPO1260", Assert.Throws<CheckpointException>(() => SideFileSelection.Select(place.Path)).Code);
    }

    [Fact]
    public void A_folder_that_is_a_link_to_another_place_is_refused()
    {
        place.Write("elsewhere/secret.txt", "secret");
        place.Write("m/config.json", "{}");
        place.Write("m/modules.json", """[{"path": "1_Pooling", "type": "a.Pooling"}]""");
        Directory.CreateSymbolicLink(place.PathOf("m", "1_Pooling"), place.PathOf("elsewhere"));
        var bounds = new CheckpointBounds(place.PathOf("m"), roots: null);

        Assert.Equal("EXPO1121", Assert.Throws<CheckpointException>(() => SideFileSelection.Select(place.PathOf("m"), bounds)).Code);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[1, {}, {\"path\": 2}]")]
    [InlineData("[{")]
    [InlineData("[{\"path\": \"\\ud800\"}]")]
    public void A_list_of_modules_that_is_none_names_no_folder(string modules)
    {
        place.Write("modules.json", modules);
        Write("1_Pooling/config.json");

        Assert.Equal(["modules.json"], SideFileSelection.Select(place.Path).Select(file => file.RelativePath));
    }

    [Theory]
    [InlineData("1_Pooling/config.json", true)]
    [InlineData("12_Dense/sub/model.safetensors", true)]
    [InlineData("onnx/model.onnx", false)]
    [InlineData("1_Pooling/.cache/x", false)]
    [InlineData("query_0_SparseStaticEmbedding/model.safetensors", true)]
    [InlineData("1_Pooling", false)]
    public void At_the_Hub_such_folders_are_known_by_their_names(string path, bool isSelected) => Assert.Equal(isSelected, SideFileSelection.IsSelected(path));

    [Fact]
    public void Weights_of_modules_and_folders_that_are_missing_are_told()
    {
        place.Write("base/model.safetensors", [("w", Dtype.F32, [4], 1)]);
        place.Write("aligned/model.safetensors", [("w", Dtype.F32, [4], 2)]);
        place.Write("aligned/2_Dense/model.safetensors", [("linear.weight", Dtype.F32, [4], 3)]);
        place.Write("aligned/modules.json", """[{"path": "", "type": "m.Transformer"}, {"path": "1_Pooling", "type": "m.Pooling"}, {"path": "2_Dense", "type": "m.Dense"}, {"path": "3_Normalize", "type": "m.Normalize"}]""");

        PlannedMerge merge = Planner.Plan(new Recipe { Base = place.PathOf("base"), Aligned = place.PathOf("aligned"), Alpha = 0.5 });

        Assert.Contains("2_Dense/model.safetensors: weights of modules beside the model, copied from aligned and not merged", merge.Notes);
        Assert.Contains("modules.json names 1_Pooling, which is not there", merge.Notes);
        Assert.Contains(merge.SideFiles, file => file.RelativePath == "2_Dense/model.safetensors");
    }

    private void Write(params string[] names)
    {
        foreach (string name in names)
        {
            place.Write(name, "x");
        }
    }

    private void WriteModules(params string[] paths) => place.Write(
        "modules.json", $"[{string.Join(", ", paths.Select(path => $"{{\"idx\": 0, \"name\": \"0\", \"path\": \"{path}\", \"type\": \"sentence_transformers.models.Pooling\"}}"))}]");
}
