using System.CommandLine;

namespace ExpoCluster.Cli.Commands;

/// <summary>How models of the Hub are treated.</summary>
/// <param name="KeepsNothing">They are read straight through, and nothing of them stays in the cache.</param>
internal sealed record HubChoices(bool KeepsNothing);

/// <summary>The options of commands that may read models of the Hub.</summary>
internal sealed class HubOptions
{
    private readonly Option<bool> noCache = new("--no-cache")
    {
        Description = "Read models of the Hub straight through, without keeping them in the cache.",
    };

    private readonly Option<string?> cache = CacheOption();

    public IEnumerable<Option> All => [noCache, cache];

    public void AddTo(Command command)
    {
        command.Options.Add(noCache);
        command.Options.Add(cache);
    }

    public HubChoices Read(ParseResult parsed)
    {
        UseCache(parsed.GetValue(cache));
        return new HubChoices(parsed.GetValue(noCache));
    }

    public static Option<string?> CacheOption() => RecipeOptions.Text("--hub-cache", "DIR", "The cache of Hugging Face's tools; by default where HF_HUB_CACHE or HF_HOME say.");

    /// <summary>The option is a shorter way to set the variable, which everything in this process then goes by.</summary>
    public static void UseCache(string? directory)
    {
        if (directory is not null)
        {
            Environment.SetEnvironmentVariable("HF_HUB_CACHE", Path.GetFullPath(directory));
        }
    }
}
