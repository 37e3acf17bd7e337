using Akka.Actor;
using Akka.Cluster;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
using ExpoCluster.Server.Nodes;

namespace ExpoCluster.EndToEnd;

/// <summary>A node of the cluster in the test's own process that does no work: it submits jobs and watches them.</summary>
public sealed class SubmittingNode : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private static readonly TimeSpan AskAgainAfter = TimeSpan.FromSeconds(2);

    private readonly ClusterNode node;

    private SubmittingNode(ClusterNode node) => this.node = node;

    public int MemberCount => node.Node.Cluster.State.Members.Count(member => member.Status == MemberStatus.Up);

    public IEnumerable<string> Unreachable => node.Node.Cluster.State.Unreachable.Select(member => member.Address.ToString());

    public static async Task<SubmittingNode> JoinAsync(PostgresServer database, string storageRoot)
    {
        using var patience = new CancellationTokenSource(Patience);
        return new SubmittingNode(await ClusterNode.StartAsync(
            new NodeOptions
            {
                Roles = ["web"],
                Port = 0,
                Database = NodeDatabase.Parse(database.Url, out _)!,
                StorageRoots = [RealPath.Of(storageRoot)],
                Version = "test",
            },
            _ => { },
            patience.Token));
    }

    /// <summary>Submits a merge of the pair until the job is accepted.</summary>
    public async Task<object> SubmitAsync(string job, Workplace pair, string output, double alpha = 0.3)
    {
        var recipe = new Recipe { Base = pair.Base, Aligned = pair.Aligned, Alpha = alpha };
        Plan plan = Planner.Plan(recipe).Plan;
        OutputPaths paths = OutputPaths.Of(output);
        Directory.CreateDirectory(paths.Workspace);
        node.Plans.Save(paths.Plan(job), plan);
        var submission = new SubmitJob
        {
            Job = job,
            RecipeJson = recipe.ToCanonicalJson(),
            Output = paths.Root,
            PlanDigest = plan.Digest,
            NumericsVersion = plan.NumericsVersion,
            Variants = plan.Variants,
        };
        submission.Files.AddRange(plan.Files.Select(file => new PlannedFileFact { Name = file.Name, ByteLength = file.ByteLength }));
        return await AskAsync<object>(submission);
    }

    public Task<JobProgress> LookAsync(string job) => AskAsync<JobProgress>(new WatchJob { Job = job });

    /// <summary>Waits until what the coordinator says fits.</summary>
    public async Task<JobProgress> WaitForAsync(string job, Func<JobProgress, bool> fits, Func<string> logs)
    {
        long began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            JobProgress now = await LookAsync(job);
            if (fits(now))
            {
                return now;
            }

            Assert.True(TimeProvider.System.GetElapsedTime(began) < Patience, $"{now}\n{logs()}");
            Assert.True(now.State is not ("failed" or "suspended"), $"{now}\n{logs()}");
            await Task.Delay(100);
        }
    }

    public Task LeaveAsync() => node.LeaveAsync();

    public ValueTask DisposeAsync() => node.DisposeAsync();

    // An entity that moves loses messages, so questions are asked again.
    private async Task<T> AskAsync<T>(ICoordinatorMessage message)
    {
        long began = TimeProvider.System.GetTimestamp();
        for (TimeSpan wait = AskAgainAfter; ; wait *= 2)
        {
            try
            {
                return await node.Node.Coordinators.Ask<T>(message, wait);
            }
            catch (AskTimeoutException) when (TimeProvider.System.GetElapsedTime(began) < Patience)
            {
                // Nobody was there to answer, or the machine has so much to do that an answer takes longer.
            }
        }
    }
}
