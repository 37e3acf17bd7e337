using System.Collections.Immutable;
using System.Text.RegularExpressions;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Checkpoints.Understanding;

/// <summary>Weights in a form that no loader of models reads, and what makes a model of them.</summary>
/// <param name="Name">For people, for example <c>a checkpoint of PyTorch's distributed training</c>.</param>
/// <param name="Evidence">The file or folder that tells.</param>
/// <param name="Advice">What converts it.</param>
public sealed partial record ForeignFormat(string Name, string Evidence, string Advice)
{
    /// <summary>Of the error that names it.</summary>
    public string Code { get; private init; } = "EXPO1140";

    private const string AdapterAdvice = "merge it into the model that it is based on (PEFT's merge_and_unload) and save that.";

    private const int MaxFolders = 100;

    private static readonly (string Ending, string Name, string Advice)[] ByEnding =
    [
        (".distcp", "a checkpoint of PyTorch's distributed training (DCP)",
            "make one file of it with 'python -m torch.distributed.checkpoint.format_utils dcp_to_torch DIR model.pt', or save a model with save_pretrained."),
        (".nemo", "an archive of NVIDIA NeMo", "convert it with NeMo's script for the model's family (scripts/checkpoint_converters/convert_…_nemo_to_hf.py)."),
        (".gguf", "a GGUF file of llama.cpp", "take the model that it was made from: GGUF is most often quantised, and that cannot be undone."),
        (".ggml", "a GGML file of llama.cpp", "take the model that it was made from."),
        (".onnx", "an ONNX graph", "take the model that it was exported from."),
        (".h5", "weights of TensorFlow", "load them with from_pretrained(…, from_tf=True) and save_pretrained."),
        (".msgpack", "weights of Flax", "load them with from_pretrained(…, from_flax=True) and save_pretrained."),
        (".keras", "a model of Keras", "load it with Keras and save its weights as safetensors, under the names that the model's loader wants."),
        (".pdparams", "weights of Paddle", "load them with PaddleNLP's from_pretrained and save_pretrained(…, save_to_hf=True), or take the model's version for transformers."),
        (".pdiparams", "weights of Paddle", "take the model that it was exported from."),
        (".npz", "arrays of NumPy or MLX", "save the model as safetensors."),
        (".tflite", "a TensorFlow Lite model", "take the model that it was made from."),
        (".mlpackage", "a Core ML model", "take the model that it was made from."),
        (".mlmodel", "a Core ML model", "take the model that it was made from."),
        (".pte", "a program of ExecuTorch", "take the model that it was made from."),
        (".pt2", "a program that PyTorch exported", "take the model that it was exported from."),
        (".engine", "an engine of TensorRT", "take the model that it was built from."),
        (".llamafile", "a llamafile", "take the model that it was made from."),
    ];

    /// <summary>What a folder holds in which no loader would find weights; null for nothing that is known.</summary>
    internal static ForeignFormat? In(CheckpointFolder folder)
    {
        ImmutableSortedSet<string> names = folder.FileNames;
        return OfTraining(folder, names) ?? names.Select(OfFile).FirstOrDefault(format => format is not null);
    }

    /// <summary>What the folders of one hold, where nothing in it by itself tells; null for nothing that is known.</summary>
    internal static ForeignFormat? Below(CheckpointFolder folder)
    {
        if (folder.LocalDirectory is not { } directory)
        {
            return null;
        }

        foreach (string name in folder.FileNames.Take(MaxFolders))
        {
            // A link is not followed: on a server it may lead where its users must not look.
            if (new DirectoryInfo(Path.Join(directory, name)) is { Exists: true, LinkTarget: null } below && In(below) is { } format)
            {
                return format with { Evidence = $"{name}/{format.Evidence}" };
            }
        }

        return null;
    }

    private static ForeignFormat? In(DirectoryInfo directory)
    {
        try
        {
            return In(new LocalFolder(directory.FullName, holdsModel: true));
        }
        catch (CheckpointException)
        {
            // What cannot be read tells nothing.
            return null;
        }
    }

    /// <summary>What a file holds, by its name; null for nothing that is known.</summary>
    internal static ForeignFormat? OfFile(string name) => ByEnding.Where(row => name.EndsWith(row.Ending, StringComparison.OrdinalIgnoreCase))
        .Select(row => new ForeignFormat(row.Name, name, row.Advice)).FirstOrDefault();

    private static ForeignFormat? OfTraining(CheckpointFolder folder, ImmutableSortedSet<string> names)
    {
        ForeignFormat? When(Func<string, bool> tells, string name, string advice) =>
            names.FirstOrDefault(tells) is { } evidence ? new ForeignFormat(name, evidence, advice) : null;

        return When(name => name == ModuleFolders.FileName && ModuleOf(folder) is not null, $"a model of sentence-transformers whose weights lie in a folder of their own ({Printable.Of(ModuleOf(folder) ?? "")})",
                folder.Has(ModuleFolders.RouterFileName)
                    ? "a router keeps its modules in folders: merge such a folder of both sides by itself, and put what comes out in its place in a copy of aligned."
                    : "load and save it with sentence-transformers 3 or newer, SentenceTransformer(DIR).save_pretrained(OUT), on both sides: it puts the weights beside modules.json, and the other modules go along.")
            ?? When(UniversalFolder().IsMatch, "a universal checkpoint of DeepSpeed", "take the global_stepN that it was made from, and make a model of that with DeepSpeed's zero_to_fp32.py.")
            ?? When(DeepSpeedFolder().IsMatch, "a training checkpoint of DeepSpeed", "make a model of it with 'python zero_to_fp32.py . OUT', a script that DeepSpeed leaves beside it.")
            ?? When(name => name is "mp_rank_00_model_states.pt" || DeepSpeedFile().IsMatch(name), "a training checkpoint of DeepSpeed", "make a model of it with DeepSpeed's zero_to_fp32.py, run on the folder above.")
            ?? When(MegatronFolder().IsMatch, "a training checkpoint of Megatron", "convert it with Megatron-LM's tools/checkpoint/convert.py, or Megatron-Bridge.")
            ?? When(name => name is "latest_checkpointed_iteration.txt" || MegatronRank().IsMatch(name), "a training checkpoint of Megatron", "convert it with Megatron-LM's tools/checkpoint/convert.py, or Megatron-Bridge.")
            ?? When(name => name.StartsWith("pytorch_model_fsdp", StringComparison.Ordinal), "a training checkpoint of FSDP (Accelerate)", "make a model of it with 'accelerate merge-weights DIR OUT'.")
            ?? When(VerlShard().IsMatch, "shards of FSDP, as verl saves them", "make a model of them with 'python -m verl.model_merger merge --backend fsdp --local_dir DIR --target_dir OUT'.")
            ?? When(name => name is "context" && names.Contains("weights"), "a checkpoint of NVIDIA NeMo 2", "export it with NeMo: llm.export_ckpt(path=DIR, target=\"hf\", output_path=OUT).")
            ?? When(name => name.EndsWith(".distcp", StringComparison.Ordinal), ByEnding[0].Name, ByEnding[0].Advice)
            ?? (folder.Has(".metadata") ? new ForeignFormat(ByEnding[0].Name, ".metadata", ByEnding[0].Advice) : null)
            ?? When(name => name is "model_weights" or "weights" && names.Contains("model_config.yaml"), "an unpacked archive of NVIDIA NeMo", ByEnding[1].Advice)
            ?? OfAdapter(folder, names)
            ?? When(name => name == AdapterFacts.ConfigFileName, $"an adapter (LoRA or the like){BasedOn(folder)}, not a model", AdapterAdvice)
            ?? When(MetaFile().IsMatch, "a checkpoint in Meta's own format (consolidated.NN.pth)", "convert it with transformers' convert_llama_weights_to_hf.py, or take the model's version for transformers.")
            ?? When(name => name == "openvino_model.xml", "a model of OpenVINO", "take the model that it was exported from.")
            ?? When(name => name == "saved_model.pb", "a SavedModel of TensorFlow", "load it with from_pretrained(…, from_tf=True) and save_pretrained.")
            ?? When(TensorFlowIndex().IsMatch, "a checkpoint of TensorFlow", "convert it with transformers' script for the model's family (convert_…_original_tf_checkpoint_to_pytorch.py).")
            ?? When(name => name.StartsWith("target.", StringComparison.Ordinal), "a checkpoint of T5X (JAX)", "convert it with transformers' convert_t5x_checkpoint_to_pytorch.py.")
            ?? When(name => name is "manifest.ocdbt" or "_CHECKPOINT_METADATA" or "_METADATA" or "commit_success.txt", "a checkpoint of JAX (Orbax)", "export it as safetensors with the program that trained it.")
            ?? When(name => name is "model_index.json", "a pipeline of several models (diffusers)", "give the folder of one of its models, for example unet or transformer.")
            ?? When(TrainerFolder().IsMatch, "the output of a training run", "give one of its checkpoint-N folders.")
            ?? When(name => Path.GetExtension(name) is ".pt" or ".pth" or ".ckpt" or ".bin" && PartOfModel.IsNamedSo(name), "a part of a model, saved as one of several shards",
                "put all its parts together with the program that wrote them, or take the model's version for transformers.");
    }

    // Its weights are there, in a file that no model has.
    private static ForeignFormat? OfAdapter(CheckpointFolder folder, ImmutableSortedSet<string> names) => names.FirstOrDefault(IsAdapterFile) is { } file
        ? new ForeignFormat($"an adapter (LoRA or the like){BasedOn(folder)}, not a model", file, AdapterAdvice) { Code = PlanningException.IsAdapter }
        : null;

    private static bool IsAdapterFile(string name) => Path.GetExtension(name) is ".bin" or ".pt" or ".pth" or ".safetensors"
        && (AdapterFacts.IsFileName(name) || AdapterFacts.IsTorchtuneFileName(name));

    private static string BasedOn(CheckpointFolder folder) =>
        AdapterFacts.BasedOnOf(ConfigFacts.Parse(folder.ReadBeside(AdapterFacts.ConfigFileName, ConfigFacts.MaxBytes))) is { } model ? $" based on {Printable.Of(model)}" : "";

    // The first one that holds weights.
    private static string? ModuleOf(CheckpointFolder folder) => folder.LocalDirectory is { } directory
        ? ModuleFolders.NamesIn(directory).FirstOrDefault(name => NearbyWeights.HoldsModel(Path.Join(directory, name)))
        : null;

    [GeneratedRegex(@"^global_step\d+_universal$")]
    private static partial Regex UniversalFolder();

    [GeneratedRegex(@"^model_world_size_\d+_rank_\d+\.pt$")]
    private static partial Regex VerlShard();

    [GeneratedRegex(@"\.ckpt(?:-\d+)?\.index$")]
    private static partial Regex TensorFlowIndex();

    [GeneratedRegex(@"^global_step\d+$")]
    private static partial Regex DeepSpeedFolder();

    [GeneratedRegex(@"^(?:bf16_|fp16_)?zero_pp_rank_\d+_mp_rank_\d+.*\.pt$|^mp_rank_\d+_model_states\.pt$|^layer_\d+-model_\d+-model_states\.pt$")]
    private static partial Regex DeepSpeedFile();

    [GeneratedRegex(@"^consolidated\.\d{2}\.pth$")]
    private static partial Regex MetaFile();

    [GeneratedRegex(@"^iter_\d{5,}$")]
    private static partial Regex MegatronFolder();

    [GeneratedRegex(@"^mp_rank_\d{2}(?:_\d{3})?$")]
    private static partial Regex MegatronRank();

    [GeneratedRegex(@"^checkpoint-\d+$")]
    private static partial Regex TrainerFolder();
}
