using Akka.Actor;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Register;
using Microsoft.Data.Sqlite;

namespace ExpoCluster.Cluster.Tests.Register;

public sealed class RegistrarTests : ClusterTestKit
{
    private readonly RegisterScene scene = new();
    private readonly JournalSettings journal;
    private readonly JobRegister register;
    private readonly IActorRef registrar;

    public RegistrarTests()
    {
        journal = scene.Create("SQLite");
        register = JobRegister.OpenAsync(journal).GetAwaiter().GetResult();
        registrar = Sys.ActorOf(Registrar.PropsFor(register));
    }

    protected override void AfterAll()
    {
        base.AfterAll();
        register.Dispose();
        scene.Dispose();
    }

    [Fact]
    public async Task What_is_said_behind_an_entry_is_said_when_the_entry_is_there()
    {
        registrar.Tell(JobRegisterTests.Entry("job1", sequence: 3, "running"));
        registrar.Tell(new Registrar.Saying(TestActor, "accepted"));

        ExpectMsg("accepted", Soon);
        Assert.NotNull(await register.FindAsync("job1"));
    }

    [Fact]
    public async Task While_the_register_cannot_be_written_nothing_is_said_and_nothing_lost()
    {
        Execute("ALTER TABLE expocluster_jobs RENAME TO away");
        registrar.Tell(JobRegisterTests.Entry("job1", sequence: 3, "running"));
        registrar.Tell(JobRegisterTests.Entry("job1", sequence: 4, "done"));
        registrar.Tell(new Registrar.Saying(TestActor, "accepted"));
        ExpectNoMsg(Quiet);

        Execute("ALTER TABLE away RENAME TO expocluster_jobs");

        ExpectMsg("accepted", Soon);
        Assert.Equal(["running", "done"], (await register.ChangesAsync("job1", after: 0)).Select(change => change.State));
    }

    private void Execute(string sql)
    {
        using var connection = new SqliteConnection(journal.ConnectionString);
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // Literals of this class.
        command.CommandText = sql;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }
}
