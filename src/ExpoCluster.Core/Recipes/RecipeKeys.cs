namespace ExpoCluster.Core.Recipes;

/// <summary>The keys of a recipe.</summary>
internal static class RecipeKeys
{
    public const string Name = "name";
    public const string Method = "method";
    public const string Base = "base";
    public const string Aligned = "aligned";
    public const string Alpha = "alpha";
    public const string AlphaByDepth = "alpha_by_depth";
    public const string Sweep = "sweep";
    public const string Numerics = "numerics";
    public const string Seed = "seed";
    public const string Dtype = "dtype";
    public const string OnMismatch = "on_mismatch";
    public const string Rename = "rename";
    public const string Require = "require";
    public const string MaxShardSize = "max_shard_size";
    public const string Strict = "strict";
    public const string Output = "out";

    /// <summary>In an entry of a list: the glob over tensor names.</summary>
    public const string Match = "match";

    /// <summary>In an entry of <c>on_mismatch</c>.</summary>
    public const string Policy = "policy";

    /// <summary>In an entry of <c>rename</c>: what stands in the checkpoint.</summary>
    public const string From = "from";

    /// <summary>In an entry of <c>rename</c>: what stands there instead.</summary>
    public const string To = "to";

    /// <summary>In an entry of <c>rename</c>: the checkpoint, <c>base</c> or <c>aligned</c>.</summary>
    public const string In = "in";

    /// <summary>Of one list: there are models with some thousands of tensors, but nobody writes a line for each.</summary>
    public const int MaxEntries = 4096;

    public static readonly string[] All =
        [Name, Method, Base, Aligned, Alpha, AlphaByDepth, Sweep, Numerics, Seed, Dtype, OnMismatch, Rename, Require, MaxShardSize, Strict, Output];

    /// <summary>Those whose values may be lists.</summary>
    public static readonly string[] Lists = [Alpha, AlphaByDepth, Sweep, OnMismatch, Rename];

    /// <summary>Of mergekit's configurations, which users may well have at hand.</summary>
    public static readonly string[] Mergekit =
    [
        "merge_method", "base_model", "models", "slices", "parameters", "out_dtype", "tokenizer_source", "tokenizer", "chat_template", "modules",
    ];
}
