using System.Runtime.CompilerServices;
using System.Xml.Linq;

namespace ExpoCluster.Repository;

/// <summary>The files of this repository.</summary>
internal static class Tree
{
    public static string Root { get; } = FindRoot();

    public static IEnumerable<string> Sources => Directory
        .EnumerateFiles(Path.Join(Root, "src"), "*.cs", SearchOption.AllDirectories);

    public static string Read(string relativePath) => File.ReadAllText(Path.Join(Root, relativePath));

    public static XDocument Project(string name) => XDocument.Load(Path.Join(Root, "src", name, name + ".csproj"));

    public static IEnumerable<string> ProjectNames => Directory
        .EnumerateDirectories(Path.Join(Root, "src"))
        .Select(directory => Path.GetFileName(directory))
        .Order();

    private static string FindRoot([CallerFilePath] string thisFile = "") =>
        Path.GetFullPath(Path.Join(Path.GetDirectoryName(thisFile), "..", ".."));
}
