using System.Runtime.CompilerServices;

namespace ExpoCluster.EndToEnd;

/// <summary>A home for what nodes of these tests keep for their user, so that nothing is left in that of whoever runs them.</summary>
internal static class OwnHome
{
    [ModuleInitializer]
    internal static void Move()
    {
        DirectoryInfo home = Directory.CreateTempSubdirectory("expocluster-home-");
        Environment.SetEnvironmentVariable("XDG_DATA_HOME", home.FullName);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => home.Delete(recursive: true);
    }
}
