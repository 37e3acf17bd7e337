using System.Collections.Immutable;
using System.Text;

namespace ExpoCluster.Core.Recipes;

/// <summary>A glob that remembers what its wildcards matched, and puts it into another text.</summary>
/// <remarks>
/// A star takes as little as it can, so that of <c>a.*.b</c> the star in <c>a.x.b.b</c> is <c>x.b</c>: the end has to match. Of the stars only the
/// last one that was met is tried again, so a match costs at most the length of the glob times that of the name.
/// </remarks>
internal sealed class GlobRename
{
    private readonly ImmutableArray<(char Character, bool IsWild)> from;
    private readonly ImmutableArray<(char Character, bool IsWild)> to;

    public GlobRename(string from, string to)
    {
        this.from = Read(from);
        this.to = Read(to);
    }

    /// <summary>The wildcards of both are the same, in the same order.</summary>
    public bool IsSound => Wildcards(from).SequenceEqual(Wildcards(to));

    /// <summary>The other text with what the wildcards matched; null where the name does not match.</summary>
    /// <param name="name">The whole of it must match, letter case included.</param>
    /// <param name="steps">Grows by the characters that were compared.</param>
    public string? Apply(string name, ref long steps)
    {
        if (Match(name, ref steps) is not { } ranges)
        {
            return null;
        }

        var renamed = new StringBuilder(name.Length + to.Length);
        int wild = 0;
        foreach ((char character, bool isWild) in to)
        {
            _ = isWild ? renamed.Append(name.AsSpan(ranges[wild++])) : renamed.Append(character);
        }

        return renamed.ToString();
    }

    private static ImmutableArray<(char Character, bool IsWild)> Read(string text)
    {
        var characters = ImmutableArray.CreateBuilder<(char, bool)>(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            bool isEscaped = text[i] == '\\' && i + 1 < text.Length;
            i += isEscaped ? 1 : 0;
            characters.Add((text[i], !isEscaped && text[i] is '*' or '?'));
        }

        return characters.ToImmutable();
    }

    private static IEnumerable<char> Wildcards(ImmutableArray<(char Character, bool IsWild)> text) =>
        text.Where(character => character.IsWild).Select(character => character.Character);

    // What each wildcard matched, or null.
    private List<Range>? Match(string name, ref long steps)
    {
        var matched = new List<Range>();
        int at = 0;
        int place = 0;
        (int At, int Place, int Wild)? star = null;
        for (; place < name.Length || at < from.Length; steps++)
        {
            if (at < from.Length && from[at] is { IsWild: true, Character: '*' })
            {
                star = (at, place, matched.Count);
                matched.Add(place..place);
                at++;
            }
            else if (at < from.Length && place < name.Length && (from[at].IsWild || from[at].Character == name[place]))
            {
                if (from[at].IsWild)
                {
                    matched.Add(place..(place + 1));
                }

                at++;
                place++;
            }
            else if (star is { } last && last.Place < name.Length)
            {
                // The star takes one character more.
                star = (last.At, last.Place + 1, last.Wild);
                Range before = matched[last.Wild];
                matched.RemoveRange(last.Wild, matched.Count - last.Wild);
                matched.Add(before.Start..(last.Place + 1));
                at = last.At + 1;
                place = last.Place + 1;
            }
            else
            {
                return null;
            }
        }

        return matched;
    }
}
