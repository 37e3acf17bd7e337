namespace ExpoCluster.Core.Parts;

/// <summary>How inputs are read.</summary>
public enum ReadMode
{
    /// <summary>Memory-mapped where memory holds the bytes already, past the page cache where it does not.</summary>
    Automatic,

    /// <summary>Memory-mapped, whatever memory holds. A file that is truncated meanwhile kills the process.</summary>
    Mapped,

    /// <summary>Positioned reads, nothing mapped: a short file is an ordinary error.</summary>
    Positioned,
}

/// <summary>The words of <c>--io</c>.</summary>
public static class ReadModes
{
    /// <summary>It is none of the words.</summary>
    public const string Unknown = "EXPO2110";

    /// <summary>All of them, as they are told to who wrote another.</summary>
    public const string Words = "auto, map or read";

    public static string Word(this ReadMode mode) => mode switch
    {
        ReadMode.Automatic => "auto",
        ReadMode.Mapped => "map",
        ReadMode.Positioned => "read",
        _ => throw new ArgumentOutOfRangeException(nameof(mode), mode, message: null),
    };

    /// <returns>Null when it is no word of <c>--io</c>.</returns>
    public static ReadMode? Parse(string word) => word switch
    {
        "auto" => ReadMode.Automatic,
        "map" => ReadMode.Mapped,
        "read" => ReadMode.Positioned,
        _ => null,
    };
}
