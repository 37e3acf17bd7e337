using System.Collections.Immutable;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.TestHub;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.Core.Tests.Hub;

/// <summary>A pair of models at a test Hub.</summary>
public sealed class HubPair : IAsyncLifetime
{
    private readonly List<HubSession> sessions = [];
    private SmallPair? files;

    public HubScene Scene { get; } = new();

    public HubServer Server => Scene.Server;

    public Recipe Recipe => new() { Base = "hf:org/base", Aligned = "hf:org/aligned", Alpha = 0.5, Output = Scene.PathOf("out") };

    public TestRepository Base { get; private set; } = null!;

    public TestRepository Aligned { get; private set; } = null!;

    public Task InitializeAsync() => Scene.InitializeAsync();

    public async Task DisposeAsync()
    {
        sessions.ForEach(session => session.Dispose());
        files?.Dispose();
        await Scene.DisposeAsync();
    }

    /// <summary>Two small checkpoints of two files each.</summary>
    public HubPair WithSmallModels(params (string File, string Tensor, long Elements)[] tensors)
    {
        files = new SmallPair(tensors.Length > 0
            ? tensors
            : [("model-00001-of-00002.safetensors", "big", 300_000), ("model-00002-of-00002.safetensors", "small", 1_000)]);
        Base = Server.Add(new TestRepository("org/base").WithDirectory(files.Base));
        Aligned = Server.Add(new TestRepository("org/aligned").WithDirectory(files.Aligned)
            .With("README.md", TestFile.Of("# not taken along"))
            .With("tokenizer.json", TestFile.Of("{}"))
            .With("additional_chat_templates/tool.jinja", TestFile.Of("{{x}}"))
            .With("pytorch_model.bin", TestFile.Of(new byte[200_000], isLarge: true)));
        return this;
    }

    /// <summary>A new session, as a new process has it.</summary>
    public HubSession NewSession(params (string Name, string Value)[] variables)
    {
        var session = new HubSession(Scene.Environment(variables), Scene.Clock);
        sessions.Add(session);
        return session;
    }

    public PlannedMerge Plan(params (string Name, string Value)[] variables) => Planner.Plan(Recipe, NewSession(variables));

    /// <summary>Lays the model out in the cache as other tools do, without the list of files.</summary>
    public void Cache(TestRepository model, Func<string, bool>? isTaken = null)
    {
        string root = Path.Join(Scene.CacheDirectory, "models--" + model.Name.Replace("/", "--", StringComparison.Ordinal));
        foreach ((string path, TestFile file) in model.Files.Where(pair => isTaken?.Invoke(pair.Key) ?? true))
        {
            string blob = Path.Join(root, "blobs", file.Etag);
            string name = Path.Join(root, "snapshots", model.Commit, path);
            Directory.CreateDirectory(Path.GetDirectoryName(blob)!);
            Directory.CreateDirectory(Path.GetDirectoryName(name)!);
            using (FileStream content = File.Create(blob))
            using (Stream from = file.Open())
            {
                from.CopyTo(content);
            }

            File.CreateSymbolicLink(name, string.Concat(Enumerable.Repeat("../", path.Split('/').Length + 1)) + "blobs/" + file.Etag);
        }

        Directory.CreateDirectory(Path.Join(root, "refs"));
        File.WriteAllText(Path.Join(root, "refs", "main"), model.Commit);
    }

    /// <summary>Weights of a true size that hold nothing but their headers: sparse files.</summary>
    public TestRepository AddSparse(string name, int files, int tensorsOfFile, long elementsOfTensor)
    {
        string directory = Scene.PathOf(name.Replace('/', '-'));
        Directory.CreateDirectory(directory);
        var map = new List<string>();
        for (int file = 0; file < files; file++)
        {
            string fileName = $"model-{file + 1:00000}-of-{files:00000}.safetensors";
            ImmutableArray<SafetensorsTensor> entries = SafetensorsLayout.Arrange(Enumerable.Range(0, tensorsOfFile).Select(tensor =>
                ($"model.layers.{file * tensorsOfFile + tensor}.mlp.down_proj.weight", Dtype.BF16, ImmutableArray.Create(elementsOfTensor))));
            using FileStream stream = File.Create(Path.Join(directory, fileName));
            stream.Write(SafetensorsHeader.Encode(entries, ImmutableSortedDictionary<string, string>.Empty.Add("format", "pt")));
            stream.SetLength(stream.Position + entries.Sum(entry => entry.ByteCount));
            map.AddRange(entries.Select(entry => $"\"{entry.Name}\": \"{fileName}\""));
        }

        File.WriteAllText(
            Path.Join(directory, "model.safetensors.index.json"), $"{{\"metadata\": {{}}, \"weight_map\": {{{string.Join(", ", map)}}}}}");
        File.WriteAllText(Path.Join(directory, "config.json"), """{"model_type": "llama", "torch_dtype": "bfloat16"}""");
        return Server.Add(new TestRepository(name).WithDirectory(directory, isHashed: false));
    }
}
