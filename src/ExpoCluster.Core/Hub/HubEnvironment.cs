using System.Globalization;
using ExpoCluster.Tensors.Files;

namespace ExpoCluster.Core.Hub;

/// <summary>What the environment says about Hub, cache and token: the variables that Hugging Face's own tools honour.</summary>
public sealed record HubEnvironment
{
    private const int MaxTokenBytes = 64 << 10;

    private const string DefaultEndpoint = "https://huggingface.co";

    /// <summary>Without a slash at its end.</summary>
    public required Uri Endpoint { get; init; }

    /// <summary>Where models lie as <c>models--org--name</c>.</summary>
    public required string CacheDirectory { get; init; }

    public HubToken? Token { get; init; }

    /// <summary>The Hub must not be asked.</summary>
    public bool IsOffline { get; init; }

    /// <summary>How long an answer may take to begin.</summary>
    public TimeSpan AnswerTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a download may stand still.</summary>
    public TimeSpan ReadTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long an answer about a model may take to its end, a page of a listing for example.</summary>
    public TimeSpan BodyTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long the bytes of a file may come so slowly that nobody would wait for the whole.</summary>
    public TimeSpan SlowTimeout { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>False where the user forbids symbolic links in the cache.</summary>
    public bool UsesLinks { get; init; } = true;

    /// <summary>Who sends the requests, for the Hub's statistics; empty when not set.</summary>
    public string Origin { get; init; } = "";

    /// <summary>That of this process.</summary>
    /// <exception cref="HubException">A variable has no meaning.</exception>
    public static HubEnvironment Current() => Of(Variables(), Environment.GetFolderPath(Environment.SpecialFolder.UserProfile));

    /// <summary>Where this process looks for models of the Hub, whatever the other variables say.</summary>
    public static string CacheOfProcess() => CacheOf(new VariableReader(Variables(), Environment.GetFolderPath(Environment.SpecialFolder.UserProfile)));

    private static Dictionary<string, string> Variables()
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (System.Collections.DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            variables[(string)variable.Key] = (string?)variable.Value ?? "";
        }

        return variables;
    }

    /// <param name="variables">By name.</param>
    /// <param name="userDirectory">What <c>~</c> stands for.</param>
    /// <exception cref="HubException">A variable has no meaning.</exception>
    public static HubEnvironment Of(IReadOnlyDictionary<string, string> variables, string userDirectory)
    {
        var reader = new VariableReader(variables, userDirectory);
        return new HubEnvironment
        {
            Endpoint = EndpointOf(reader.Text("HF_ENDPOINT") ?? DefaultEndpoint),
            CacheDirectory = CacheOf(reader),
            Token = TokenOf(reader),
            IsOffline = reader.IsTrue(reader.Text("HF_HUB_OFFLINE") is null ? "TRANSFORMERS_OFFLINE" : "HF_HUB_OFFLINE"),
            AnswerTimeout = reader.Seconds("HF_HUB_ETAG_TIMEOUT") ?? TimeSpan.FromSeconds(10),
            ReadTimeout = reader.Seconds("HF_HUB_DOWNLOAD_TIMEOUT") ?? TimeSpan.FromSeconds(10),
            UsesLinks = !reader.IsTrue("HF_HUB_DISABLE_SYMLINKS"),
            Origin = reader.Text("HF_HUB_USER_AGENT_ORIGIN") ?? "",
        };
    }

    private static Uri EndpointOf(string text)
    {
        bool isUsable = Uri.TryCreate(text.TrimEnd('/'), UriKind.Absolute, out Uri? endpoint)
            && (endpoint.Scheme == Uri.UriSchemeHttps || endpoint.Scheme == Uri.UriSchemeHttp)
            && endpoint.Query.Length == 0 && endpoint.Fragment.Length == 0 && endpoint.UserInfo.Length == 0;
        return isUsable ? endpoint! : throw HubErrors.MalformedVariable("HF_ENDPOINT", text, "a URL such as " + DefaultEndpoint);
    }

    private static string CacheOf(VariableReader reader) =>
        Path.GetFullPath(reader.Path("HF_HUB_CACHE") ?? reader.Path("HUGGINGFACE_HUB_CACHE") ?? Path.Join(reader.Home, "hub"));

    private static HubToken? TokenOf(VariableReader reader)
    {
        if (reader.IsTrue("HF_HUB_DISABLE_IMPLICIT_TOKEN"))
        {
            return null;
        }

        string file = reader.Path("HF_TOKEN_PATH") ?? Path.Join(reader.Home, "token");
        return HubToken.Of(reader.Text("HF_TOKEN"), "HF_TOKEN")
            ?? HubToken.Of(reader.Text("HUGGING_FACE_HUB_TOKEN"), "HUGGING_FACE_HUB_TOKEN")
            ?? HubToken.Of(ReadIfThere(file), file);
    }

    private static string? ReadIfThere(string file)
    {
        try
        {
            return File.Exists(file) ? RegularFile.ReadText(file, MaxTokenBytes) : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Without a token public models can still be read; a private one will say that it needs one.
            return null;
        }
    }

    private sealed class VariableReader(IReadOnlyDictionary<string, string> variables, string userDirectory)
    {
        /// <summary>Where Hugging Face's tools keep what they have.</summary>
        public string Home =>
            Path("HF_HOME") ?? System.IO.Path.Join(Path("XDG_CACHE_HOME") ?? System.IO.Path.Join(userDirectory, ".cache"), "huggingface");

        public string? Text(string name) =>
            variables.TryGetValue(name, out string? value) && value.Trim().Length > 0 ? value.Trim() : null;

        /// <summary>With <c>~</c>, <c>$NAME</c> and <c>${NAME}</c> replaced.</summary>
        public string? Path(string name) => Text(name) is { } text ? PathExpansion.Expand(text, variables, userDirectory) : null;

        public bool IsTrue(string name) => Text(name)?.ToUpperInvariant() is "1" or "ON" or "YES" or "TRUE";

        public TimeSpan? Seconds(string name)
        {
            if (Text(name) is not { } text)
            {
                return null;
            }

            return double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds) && seconds is > 0 and < 86400
                ? TimeSpan.FromSeconds(seconds)
                : throw HubErrors.MalformedVariable(name, text, "a number of seconds");
        }
    }
}
