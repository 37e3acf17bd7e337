using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using ExpoCluster.Cli.Display;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Core.Comparison;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Statistics;
using Spectre.Console;

namespace ExpoCluster.Cli.Commands;

/// <summary><c>expocluster diff</c>: what preference training changed, and what a merge would make of it. Writes nothing.</summary>
internal static class DiffCommand
{
    private const string SeveralAlphas = "EXPO2009";

    public static Command Create()
    {
        var baseReference = new Argument<string>("BASE") { Description = "The checkpoint before preference training (SFT)." };
        var aligned = new Argument<string>("ALIGNED") { Description = "The checkpoint after it (DPO, RLHF)." };
        Option<string?> alpha = RecipeOptions.Text("--alpha", "A", "Show as well what of this alpha would be reached after rounding.");
        Option<string?> numerics = RecipeOptions.Text("--numerics", "exact|official|stochastic", "How the merge would round.");
        Option<string?> dtype = RecipeOptions.Text("--dtype", "aligned|bf16|f16|f32", "The dtype that the merge would write.");
        Option<string?> hubCache = HubOptions.CacheOption();
        var lanes = new LaneOptions();
        var json = new Option<bool>("--json") { Description = "Print one JSON object, on standard output." };
        var quiet = new Option<bool>("--quiet") { Description = "Show no progress." };
        var command = new Command("diff", "Show how two checkpoints differ, tensor by tensor. Reads both whole, writes nothing.");
        command.Arguments.Add(baseReference);
        command.Arguments.Add(aligned);
        foreach (Option option in new Option[] { alpha, numerics, dtype, hubCache })
        {
            command.Options.Add(option);
        }

        lanes.AddTo(command);
        command.Options.Add(json);
        command.Options.Add(quiet);
        command.SetAction((parsed, cancellation) => Task.FromResult(JsonErrors.Around(parsed.GetValue(json), () =>
        {
            HubOptions.UseCache(parsed.GetValue(hubCache));
            LaneChoices chosen = lanes.Read(parsed, outputs: 1);
            RecipeValidation validation = RecipeDraft.FromOptions(
                @base: parsed.GetValue(baseReference),
                aligned: parsed.GetValue(aligned),
                alpha: parsed.GetValue(alpha) ?? "0",
                numerics: parsed.GetValue(numerics),
                dtype: parsed.GetValue(dtype)).Validate();
            Recipe recipe = validation.Problems.IsEmpty ? validation.Recipe! : throw new UsageException(validation.Problems);
            if (!recipe.Sweep.IsEmpty)
            {
                throw new UsageException(new RecipeProblem(
                    SeveralAlphas, "--alpha", "several alphas are given, but diff looks at one at a time.", "give one, for example --alpha 0.3."));
            }

            CheckpointComparison comparison = Compare(recipe, chosen, parsed.GetValue(quiet), cancellation);
            bool isMerge = parsed.GetValue(alpha) is not null;
            if (parsed.GetValue(json))
            {
                JsonOutput.Write(ToJson(recipe, comparison, isMerge));
            }
            else
            {
                Show(comparison, isMerge);
            }

            return ExitCodes.Done;
        })));
        return command;
    }

    private static CheckpointComparison Compare(Recipe recipe, LaneChoices chosen, bool quiet, CancellationToken cancellation)
    {
        using IProgressDisplay display = ProgressDisplay.Create(quiet);
        var gate = new Lock();
        return Comparer.Compare(
            recipe,
            chosen.Lanes,
            chosen.Reads,
            (done, total) =>
            {
                var progress = new JobProgress { State = done == total ? "done" : "running" };
                progress.Files.Add(new FileProgress { ByteLength = total, BytesCommitted = done });
                lock (gate)
                {
                    display.Show(progress);
                }
            },
            cancellation);
    }

    private static JsonObject ToJson(Recipe recipe, CheckpointComparison comparison, bool isMerge) => new()
    {
        ["status"] = "ok",
        ["base"] = recipe.Base,
        ["aligned"] = recipe.Aligned,
        ["alpha"] = isMerge ? recipe.Alpha.Single : null,
        ["total"] = ToJson(comparison.Total, isMerge),
        ["tensors"] = new JsonArray([.. comparison.Tensors.Select(tensor => (JsonNode)ToJson(tensor, isMerge))]),
        ["onlyInBase"] = JsonOutput.Strings(comparison.OnlyInBase),
        ["onlyInAligned"] = JsonOutput.Strings(comparison.OnlyInAligned),
        ["shapesDiffer"] = JsonOutput.Strings(comparison.ShapesDiffer),
        ["notComputed"] = JsonOutput.Strings(comparison.NotComputed),
    };

    private static JsonObject ToJson(ComparedTensor tensor, bool isMerge)
    {
        JsonObject json = ToJson(tensor.Sums, isMerge);
        json.Insert(0, "name", tensor.Aligned.Name);
        json.Insert(1, "dtype", tensor.Aligned.Dtype.Name());
        json.Insert(2, "baseDtype", tensor.BaseDtype.Name());
        json.Insert(3, "shape", new JsonArray([.. tensor.Aligned.Shape.Select(extent => (JsonNode)extent)]));
        return json;
    }

    private static JsonObject ToJson(DeltaSums sums, bool isMerge)
    {
        var json = new JsonObject
        {
            ["elements"] = sums.Elements,
            ["changed"] = sums.Changed,
            ["changedShare"] = sums.ChangedShare,
            ["deltaNorm"] = Finite(sums.DeltaNorm),
            ["alignedNorm"] = Finite(sums.AlignedNorm),
            ["relativeDelta"] = Finite(sums.RelativeDelta),
            ["maxDelta"] = Finite(sums.MaxDelta),
            ["nan"] = sums.NaN,
            ["infinite"] = sums.Infinite,
        };
        if (isMerge)
        {
            json["swallowed"] = sums.Swallowed;
            json["swallowedShare"] = sums.SwallowedShare;
            json["effectiveAlpha"] = Finite(sums.EffectiveAlpha);
            json["overflowed"] = sums.Overflowed;
        }

        return json;
    }

    // JSON has no infinity.
    private static double? Finite(double? value) => value is { } number && double.IsFinite(number) ? number : null;

    private static void Show(CheckpointComparison comparison, bool isMerge)
    {
        IAnsiConsole console = Terminal.Tables;
        Table table = new Table().Border(TableBorder.Simple).AddColumn("tensor", column => column.NoWrap()).AddColumn("dtype", column => column.NoWrap());
        string[] figures = isMerge
            ? ["changed", "relative", "max delta", "unmoved", "alpha"]
            : ["changed", "relative", "max delta"];
        foreach (string figure in figures)
        {
            table.AddColumn(figure, column => column.RightAligned().NoWrap());
        }

        foreach (ComparedTensor tensor in comparison.Tensors)
        {
            string dtype = tensor.BaseDtype == tensor.Aligned.Dtype ? tensor.Aligned.Dtype.Name() : $"{tensor.BaseDtype.Name()}, {tensor.Aligned.Dtype.Name()}";
            table.AddRow([Cell.Of(tensor.Aligned.Name), Cell.Of(dtype), .. Figures(tensor.Sums, isMerge).Select(Cell.Of)]);
        }

        table.AddRow(["all", "", .. Figures(comparison.Total, isMerge)]);
        console.Write(table);
        Console.Out.WriteLine(isMerge
            ? "relative: |aligned - base| / |aligned|; unmoved: changed elements that rounding leaves where they were; alpha: what is reached"
            : "relative: |aligned - base| / |aligned|");
        WriteList("only in base", comparison.OnlyInBase);
        WriteList("only in aligned", comparison.OnlyInAligned);
        WriteList("of another shape", comparison.ShapesDiffer);
        WriteList("not computed (not floating-point)", comparison.NotComputed);
    }

    private static string[] Figures(DeltaSums sums, bool isMerge)
    {
        string[] difference =
        [
            StatisticsSummary.Percent(sums.ChangedShare),
            sums.RelativeDelta is { } relative ? relative.ToString("0.00e+00", CultureInfo.InvariantCulture) : "-",
            sums.MaxDelta.ToString("0.00e+00", CultureInfo.InvariantCulture),
        ];
        return isMerge
            ? [.. difference, StatisticsSummary.Percent(sums.SwallowedShare), sums.EffectiveAlpha?.ToString("0.000", CultureInfo.InvariantCulture) ?? "-"]
            : difference;
    }

    private static void WriteList(string what, IReadOnlyCollection<string> names)
    {
        foreach (string name in names)
        {
            Console.Out.WriteLine($"{what}: {Printable.Of(name)}");
        }
    }
}
