using Akka.Actor;

namespace ExpoCluster.EndToEnd;

/// <summary>Stands where writers do, and makes no file: the test speaks for them by itself.</summary>
internal sealed class SilentWriters : ReceiveActor
{
    public SilentWriters() => ReceiveAny(_ => { });
}
