using System.Threading.Channels;
using Akka.Actor;
using Akka.Configuration;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Core.Tests;
using ExpoCluster.Server.Dashboard.Live;

namespace ExpoCluster.Server.Tests.Dashboard;

public sealed class ClusterWatchTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Nodes_are_asked_each_second_only_while_somebody_watches()
    {
        using ActorSystem system = ActorSystem.Create("watched", ConfigurationFactory.ParseString(
            """
            akka { stdout-loglevel = OFF, loglevel = OFF, actor.provider = cluster, remote.dot-netty.tcp { hostname = 127.0.0.1, port = 0 } }
            """));
        Akka.Cluster.Cluster cluster = Akka.Cluster.Cluster.Get(system);
        using var patience = new CancellationTokenSource(Patience);
        await cluster.JoinAsync(cluster.SelfAddress, patience.Token);
        var questions = Channel.CreateUnbounded<long>();
        system.ActorOf(Props.Create(() => new Questioned(questions.Writer)), Vitals.ActorName);
        var pictures = Channel.CreateUnbounded<ClusterPicture>();
        var clock = new ManualClock();
        bool isWatched = false;

        IActorRef watch = system.ActorOf(ClusterWatch.PropsFor(clock, () => Volatile.Read(ref isWatched), picture => pictures.Writer.TryWrite(picture)));

        // Once at the start. The clock stands, and so the next question is never due, however often it is drawn.
        Assert.Equal(1, await questions.Reader.ReadAsync(patience.Token));
        for (int drawn = 0; drawn < 3; drawn++)
        {
            await pictures.Reader.ReadAsync(patience.Token);
        }

        Assert.False(questions.Reader.TryRead(out _));
        clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(2, await questions.Reader.ReadAsync(patience.Token));
        Volatile.Write(ref isWatched, true);
        Assert.Equal(3, await questions.Reader.ReadAsync(patience.Token));
        Assert.Equal(4, await questions.Reader.ReadAsync(patience.Token));
        await watch.GracefulStop(Patience);
        await system.Terminate();
    }

    private sealed class Questioned : ReceiveActor
    {
        public Questioned(ChannelWriter<long> questions) => Receive<DescribeNode>(question => questions.TryWrite(question.Question));
    }
}
