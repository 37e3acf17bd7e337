using System.Data.Common;
using System.Text.Json;
using ExpoCluster.Core.Jobs;

namespace ExpoCluster.Cluster.Register;

/// <summary>Rows of the register as entries. What somebody else wrote there, or a disk damaged, is told and never thrown.</summary>
internal static class RegisterRow
{
    private const long LastMillisecond = 253_402_300_799_999;
    private const int MaxWordLength = 32;

    private static readonly RegisterFacts NoFacts = new("{}", SubmittedBy: null, PlanDigest: null, Folders: [], 0, 0, 0, 0, Reason: null);

    /// <summary>One job; with <see cref="RegisterEntry.Damage"/> where its row cannot be read, and null where not even its id can.</summary>
    /// <param name="row">Job, sequence, state, two times, output, facts, and perhaps files.</param>
    /// <param name="withFiles">The last column is there.</param>
    /// <param name="passOver">Told why a row is none.</param>
    public static RegisterEntry? EntryOf(DbDataReader row, bool withFiles, Action<string> passOver)
    {
        if (Try(row, 0, row.GetString) is not { } job || !JobId.IsOne(job))
        {
            passOver("a row of the table expocluster_jobs has no id of a job and is passed over.");
            return null;
        }

        try
        {
            return Read(row, job, withFiles);
        }
        catch (Exception exception) when (IsOfRow(exception))
        {
            return Damaged(row, job, exception.Message);
        }
    }

    /// <summary>One change of a job's state; null where the row cannot be read.</summary>
    /// <param name="row">Sequence, state, code, message, advice, time.</param>
    /// <param name="passOver">Told why a row is none.</param>
    public static RegisterChange? ChangeOf(DbDataReader row, Action<string> passOver)
    {
        try
        {
            string code = row.GetString(2);
            return new RegisterChange(
                NumberOf(row, 0),
                WordOf(row.GetString(1)),
                code.Length == 0 ? null : new JobReason(code, row.GetString(3), row.GetString(4)),
                DateTimeOffset.FromUnixTimeMilliseconds(NumberOf(row, 5)));
        }
        catch (Exception exception) when (IsOfRow(exception))
        {
            passOver($"a row of the table expocluster_job_states cannot be read and is passed over ({exception.Message}).");
            return null;
        }
    }

    private static RegisterEntry Read(DbDataReader row, string job, bool withFiles)
    {
        var entry = new RegisterEntry
        {
            Job = job,
            Sequence = NumberOf(row, 1),
            State = WordOf(row.GetString(2)),
            SubmittedAt = DateTimeOffset.FromUnixTimeMilliseconds(NumberOf(row, 3)),
            ChangedAt = DateTimeOffset.FromUnixTimeMilliseconds(NumberOf(row, 4)),
            Output = row.GetString(5),
            Facts = JsonSerializer.Deserialize(row.GetString(6), RegisterJson.Default.RegisterFacts) ?? throw new FormatException("facts are missing"),
            Files = withFiles ? JsonSerializer.Deserialize(row.GetString(7), RegisterJson.Default.ImmutableArrayRegisterFile) : [],
        };
        return FindFault(entry) is { } fault ? throw new FormatException(fault) : entry;
    }

    private static string? FindFault(RegisterEntry entry)
    {
        RegisterFacts facts = entry.Facts;
        return entry.Sequence < 0 ? "a number of an event is negative"
            : !IsPath(entry.Output) ? "the output is no path"
            : facts.RecipeJson is null ? "there is no recipe"
            : facts.Folders.IsDefault || facts.Folders.Any(folder => folder is null || folder.Contains('\0', StringComparison.Ordinal)) ? "the folders are none"
            : facts.Parts < 0 || facts.Committed < 0 || facts.Bytes < 0 || facts.BytesCommitted < 0 ? "a figure is negative"
            : facts.Reason is { } reason && (reason.Code is null || reason.Message is null || reason.Advice is null) ? "the reason is none"
            : entry.Files.IsDefault || entry.Files.Any(file => file?.Name is null) ? "the files are none"
            : null;
    }

    private static bool IsPath(string text) => Path.IsPathRooted(text) && !text.Contains('\0', StringComparison.Ordinal);

    private static RegisterEntry Damaged(DbDataReader row, string job, string why) => new()
    {
        Job = job,
        Sequence = Math.Max(0, Try(row, 1, at => (long?)NumberOf(row, at)) ?? 0),
        State = Try(row, 2, at => WordOf(row.GetString(at))) ?? "failed",
        SubmittedAt = TimeOf(row, 3),
        ChangedAt = TimeOf(row, 4),
        Output = Try(row, 5, row.GetString) is { } output && IsPath(output) ? output : "",
        Facts = NoFacts,
        Damage = why.TrimEnd('.'),
    };

    // What sorts behind all numbers gets the last time, so that a page of the list can begin behind it.
    private static DateTimeOffset TimeOf(DbDataReader row, int column) =>
        DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(Try(row, column, at => (long?)NumberOf(row, at)) ?? LastMillisecond, 0, LastMillisecond));

    // SQLite makes a number of any text.
    private static long NumberOf(DbDataReader row, int column) =>
        row.GetValue(column) is long number ? number : throw new FormatException($"{row.GetName(column)} is no number");

    // Newer versions may have other words.
    private static string WordOf(string text) => text.Length is > 0 and <= MaxWordLength && text.All(char.IsAsciiLetterLower)
        ? text
        : throw new FormatException("the state is no word");

    private static T? Try<T>(DbDataReader row, int column, Func<int, T> read)
    {
        try
        {
            return row.IsDBNull(column) ? default : read(column);
        }
        catch (Exception exception) when (IsOfRow(exception))
        {
            return default;
        }
    }

    private static bool IsOfRow(Exception exception) =>
        exception is InvalidCastException or FormatException or OverflowException or ArgumentException or JsonException or NotSupportedException
        || exception.GetType() == typeof(InvalidOperationException) || exception is System.Data.SqlTypes.SqlNullValueException;
}
