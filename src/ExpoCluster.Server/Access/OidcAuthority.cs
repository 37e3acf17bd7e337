using System.Collections.Immutable;

namespace ExpoCluster.Server.Access;

/// <summary>An OpenID Connect authority whose tokens are taken, and which words in them give a role.</summary>
/// <param name="Address">Its <c>/.well-known/openid-configuration</c> names its keys.</param>
/// <param name="Audience">For whom a token must have been made.</param>
public sealed record OidcAuthority(Uri Address, string Audience)
{
    /// <summary>Of whoever may submit, cancel and resume, where nothing else is given.</summary>
    public const string DefaultOperator = "expocluster-operator";

    /// <summary>Of whoever may look, where nothing else is given.</summary>
    public const string DefaultReader = "expocluster-reader";

    // Entra and Okta write roles, others role; groups is what most directories have.
    private static readonly ImmutableArray<string> UsualClaims = ["roles", "role", "groups"];

    /// <summary>The claims in which roles are looked for.</summary>
    public ImmutableArray<string> RoleClaims { get; init; } = UsualClaims;

    /// <summary>The word that makes an operator.</summary>
    public string OperatorWord { get; init; } = DefaultOperator;

    /// <summary>The word that makes a reader.</summary>
    public string ReaderWord { get; init; } = DefaultReader;

    /// <summary>Null for whoever has a token of the authority, but no role here.</summary>
    /// <param name="words">The values of the role claims.</param>
    public AccessRole? RoleOf(IReadOnlyCollection<string> words) =>
        words.Contains(OperatorWord) ? AccessRole.Operator
        : words.Contains(ReaderWord) ? AccessRole.Reader
        : null;

    /// <param name="text"><c>AUTHORITY,AUDIENCE[,roles=CLAIM][,operator=WORD][,reader=WORD]</c>.</param>
    /// <param name="why">What is wrong, where it is nothing of that form.</param>
    public static OidcAuthority? Parse(string text, out string why)
    {
        why = "";
        string[] words = text.Split(',', StringSplitOptions.TrimEntries);
        if (words.Length < 2 || words[1].Length == 0)
        {
            why = "the audience is missing.";
            return null;
        }

        if (!Uri.TryCreate(words[0], UriKind.Absolute, out Uri? address) || address.Scheme is not ("http" or "https") || address.Query.Length > 0)
        {
            why = $"'{words[0]}' is no address of an authority.";
            return null;
        }

        var authority = new OidcAuthority(address, words[1]);
        foreach (string setting in words.Skip(2))
        {
            string[] pair = setting.Split('=', 2, StringSplitOptions.TrimEntries);
            if (pair is not [string name, { Length: > 0 } value] || authority.With(name, value) is not { } changed)
            {
                why = $"'{setting}' is none of roles=CLAIM, operator=WORD, reader=WORD.";
                return null;
            }

            authority = changed;
        }

        return authority;
    }

    private OidcAuthority? With(string name, string value) => name switch
    {
        "roles" => this with { RoleClaims = [value] },
        "operator" => this with { OperatorWord = value },
        "reader" => this with { ReaderWord = value },
        _ => null,
    };
}
