using System.Globalization;

namespace ExpoCluster.Cluster.Register;

/// <summary>The register's statements, in the words that SQLite and PostgreSQL share.</summary>
internal static class RegisterSql
{
    public const string Create = """
        CREATE TABLE IF NOT EXISTS expocluster_jobs (
          job text PRIMARY KEY,
          sequence bigint NOT NULL,
          state text NOT NULL,
          submitted_ms bigint NOT NULL,
          changed_ms bigint NOT NULL,
          output text NOT NULL,
          facts text NOT NULL,
          files text NOT NULL);
        CREATE INDEX IF NOT EXISTS expocluster_jobs_newest ON expocluster_jobs (submitted_ms, job);
        CREATE INDEX IF NOT EXISTS expocluster_jobs_output ON expocluster_jobs (output);
        CREATE TABLE IF NOT EXISTS expocluster_job_states (
          job text NOT NULL,
          sequence bigint NOT NULL,
          state text NOT NULL,
          changed_ms bigint NOT NULL,
          code text NOT NULL,
          message text NOT NULL,
          advice text NOT NULL,
          PRIMARY KEY (job, sequence));
        """;

    public const string IndexEnded = "CREATE INDEX IF NOT EXISTS expocluster_jobs_changed ON expocluster_jobs (state, changed_ms)";

    // Recovery writes a state again under a later number; it is the same change still.
    public const string WriteChange = """
        INSERT INTO expocluster_job_states (job, sequence, state, changed_ms, code, message, advice)
        SELECT @job, @sequence, @state, @changed, @code, @message, @advice
        WHERE NOT EXISTS (
          SELECT 1 FROM expocluster_jobs WHERE job = @job AND (sequence >= @sequence OR state = @state))
        ON CONFLICT (job, sequence) DO NOTHING
        """;

    public const string Write = """
        INSERT INTO expocluster_jobs (job, sequence, state, submitted_ms, changed_ms, output, facts, files)
        VALUES (@job, @sequence, @state, @submitted, @changed, @output, @facts, @files)
        ON CONFLICT (job) DO UPDATE SET
          sequence = excluded.sequence,
          state = excluded.state,
          changed_ms = CASE WHEN expocluster_jobs.state = excluded.state THEN expocluster_jobs.changed_ms ELSE excluded.changed_ms END,
          facts = excluded.facts,
          files = excluded.files
        WHERE excluded.sequence > expocluster_jobs.sequence
        """;

    public const string Forget = "DELETE FROM expocluster_jobs WHERE job = @job";

    // SQLite has whatever was written there, and a number that cannot grow is none.
    private const string NextSequence = "CASE WHEN sequence BETWEEN 0 AND 1000000000000 THEN sequence + 1 ELSE 1 END";

    public const string MarkChange = $"""
        INSERT INTO expocluster_job_states (job, sequence, state, changed_ms, code, message, advice)
        SELECT job, {NextSequence}, @state, @changed, @code, @message, @advice
        FROM expocluster_jobs WHERE job = @job AND state NOT IN ('done', 'cancelled', @state)
        ON CONFLICT (job, sequence) DO NOTHING
        """;

    public const string Override = $"UPDATE expocluster_jobs SET sequence = {NextSequence}, state = @state, changed_ms = @changed WHERE job = @job";

    public const string Mark = $"""
        UPDATE expocluster_jobs SET sequence = {NextSequence}, state = @state, changed_ms = @changed, facts = @facts
        WHERE job = @job AND state NOT IN ('done', 'cancelled', @state)
        """;

    public const string Find = "SELECT job, sequence, state, submitted_ms, changed_ms, output, facts, files FROM expocluster_jobs WHERE job = @job";

    public const string FindByOutput = """
        SELECT job, sequence, state, submitted_ms, changed_ms, output, facts FROM expocluster_jobs
        WHERE output = @output ORDER BY submitted_ms DESC, job DESC
        """;

    public const string Changes = """
        SELECT sequence, state, code, message, advice, changed_ms FROM expocluster_job_states
        WHERE job = @job AND sequence > @after ORDER BY sequence
        """;

    // Nothing follows these states, so nobody writes an event of the job any more.
    public const string Remove = "DELETE FROM expocluster_jobs WHERE job = @job AND state IN ('done', 'cancelled')";

    public const string Ping = "SELECT 1";

    // Its coordinators journal under their paths, its shards under names.
    private const string IsSharding = "(persistence_id LIKE '/sharding/%' OR persistence_id LIKE '/system/sharding/%')";

    public const string ListSharding = $"SELECT persistence_id FROM journal WHERE {IsSharding} UNION SELECT persistence_id FROM snapshot WHERE {IsSharding}";

    public static readonly string[] ForgetSharding =
    [
        $"DELETE FROM journal WHERE {IsSharding}", $"DELETE FROM tags WHERE {IsSharding}", $"DELETE FROM snapshot WHERE {IsSharding}",
    ];

    /// <summary>What else is known of a job, in tables of other owners too.</summary>
    public static IEnumerable<string> RemoveRest(bool isClusters) =>
    [
        "DELETE FROM expocluster_job_states WHERE job = @job",
        "DELETE FROM journal WHERE persistence_id = 'job-' || @job",
        "DELETE FROM tags WHERE persistence_id = 'job-' || @job",
        "DELETE FROM snapshot WHERE persistence_id = 'job-' || @job",
        .. isClusters ? ["DELETE FROM expocluster_outputs WHERE job = @job"] : Array.Empty<string>(),
    ];

    public static string ListOld(int stateCount) =>
        $"SELECT job, sequence, state, submitted_ms, changed_ms, output, facts FROM expocluster_jobs WHERE {IsInState(stateCount)}"
            + " AND changed_ms <= @before ORDER BY changed_ms, job LIMIT @limit";

    private static string IsInState(int stateCount) => $"state IN ({string.Join(", ", Enumerable.Range(0, stateCount).Select(StateParameter))})";

    public static string StateParameter(int index) => string.Create(CultureInfo.InvariantCulture, $"@state{index}");

    public static string List(int stateCount, bool afterPosition)
    {
        List<string> conditions = [];
        if (stateCount > 0)
        {
            conditions.Add(IsInState(stateCount));
        }

        if (afterPosition)
        {
            conditions.Add("(submitted_ms < @submitted OR (submitted_ms = @submitted AND job < @job))");
        }

        string where = conditions.Count > 0 ? " WHERE " + string.Join(" AND ", conditions) : "";
        return "SELECT job, sequence, state, submitted_ms, changed_ms, output, facts FROM expocluster_jobs"
            + where + " ORDER BY submitted_ms DESC, job DESC LIMIT @limit";
    }
}
