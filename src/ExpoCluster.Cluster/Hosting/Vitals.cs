using System.Diagnostics;
using Akka.Actor;
using ExpoCluster.Cluster.Protocol;

namespace ExpoCluster.Cluster.Hosting;

/// <summary>Says how this node is, to whoever shows the cluster; what its worker does the worker adds.</summary>
public sealed class Vitals : ReceiveActor
{
    public const string ActorName = "vitals";

    public Vitals(IActorRef? worker, string version) => Receive<DescribeNode>(question =>
    {
        NodeVitals vitals = OfThisProcess(question, version);
        if (worker is null)
        {
            Sender.Tell(vitals);
        }
        else
        {
            worker.Forward(vitals);
        }
    });

    /// <summary>The actor of that node.</summary>
    public static ActorPath PathOf(Address node) => new RootActorPath(node) / "user" / ActorName;

    internal static Props PropsFor(IActorRef? worker, string version) => Props.Create(() => new Vitals(worker, version));

    private static NodeVitals OfThisProcess(DescribeNode question, string version)
    {
        using Process process = Process.GetCurrentProcess();
        return new NodeVitals
        {
            Question = question.Question,
            Version = version,
            Cores = Environment.ProcessorCount,
            MemoryLimit = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
            MemoryUsed = Environment.WorkingSet,
            CpuMs = (long)Environment.CpuUsage.TotalTime.TotalMilliseconds,
            StartedUnixMs = new DateTimeOffset(process.StartTime).ToUnixTimeMilliseconds(),
        };
    }
}
