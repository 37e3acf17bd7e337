namespace ExpoCluster.Core.Planning;

/// <summary>Words of tensor names that say which of several models in one checkpoint a tensor belongs to: a rule for names never turns one into another.</summary>
internal static class NameRoles
{
    private static readonly char[] Separators = ['.', '_', '-'];

    // Words of one line mean one thing.
    private static readonly Dictionary<string, string> Roles = new string[][]
    {
        ["encoder", "enc"], ["decoder", "dec"],
        ["actor"], ["critic"], ["policy"], ["ref", "reference"], ["reward", "rm"], ["teacher"], ["student"], ["ema", "averaged"], ["target"], ["online"],
        ["draft", "drafter", "assistant"], ["generator"], ["discriminator"], ["old"],
        ["text", "language", "llm"], ["vision", "visual", "vit", "image", "img"], ["audio", "speech", "sound"], ["video"],
        ["query", "question"], ["document", "doc", "passage", "ctx", "context"],
        ["thinker"], ["talker"],
    }.SelectMany(words => words.Select(word => (word, Role: words[0]))).ToDictionary(pair => pair.word, pair => pair.Role, StringComparer.OrdinalIgnoreCase);

    /// <summary>One name says that it belongs to one model, and the other that it belongs to another.</summary>
    public static bool Contradict(string one, string other)
    {
        HashSet<string> roles = Of(one);
        HashSet<string> others = Of(other);
        return !roles.IsSubsetOf(others) && !others.IsSubsetOf(roles);
    }

    /// <summary>Both names say the same of the model.</summary>
    public static bool Agree(string one, string other) => Of(one).SetEquals(Of(other));

    private static HashSet<string> Of(string name) =>
        [.. name.Split(Separators).Select(word => Roles.GetValueOrDefault(word)).OfType<string>()];
}
