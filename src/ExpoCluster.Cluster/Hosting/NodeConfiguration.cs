using System.Globalization;
using System.Text;
using Akka.Configuration;
using Akka.Persistence.Sql;
using ExpoCluster.Cluster.Serialization;
using ExpoCluster.Core.Jobs;

namespace ExpoCluster.Cluster.Hosting;

/// <summary>The part of a node that Akka takes as HOCON; all else is typed.</summary>
internal static class NodeConfiguration
{
    public static Config Of(NodeSettings settings) => ConfigurationFactory
        .ParseString(Common(settings) + Serializers() + Journal(settings.Journal))
        .WithFallback(SqlPersistence.DefaultConfiguration);

    private static string Common(NodeSettings settings) => $$"""
        akka {
          loglevel = {{settings.LogLevel}}
          stdout-loglevel = OFF
          loggers = ["{{settings.LoggerType}}"]
          log-dead-letters = off
          log-dead-letters-during-shutdown = off
          actor.provider = cluster
          # The node's program decides when it stops; nothing here may end the process by itself.
          coordinated-shutdown.exit-clr = off
          coordinated-shutdown.run-by-clr-shutdown-hook = off
          coordinated-shutdown.run-by-actor-system-terminate = off
          remote.dot-netty.tcp {
            hostname = "{{settings.Hostname}}"
            port = {{settings.Port}}
          }
          cluster {
            roles = [{{string.Join(", ", settings.Roles.Select(Quoted))}}]
            sharding {
              state-store-mode = ddata
              remember-entities-store = eventsourced
              passivate-idle-entity-after = off
              entity-restart-backoff = 1s
              journal-plugin-id = "akka.persistence.journal.sql"
              snapshot-plugin-id = "akka.persistence.snapshot-store.sql"
              # Everything is in one place: no need to wait for other replicas.
              distributed-data.durable.keys = []
            }
          }
        }

        """;

    private static string Serializers()
    {
        var text = new StringBuilder();
        text.AppendLine("akka.actor {");
        text.AppendLine("  serializers {");
        text.AppendLine(CultureInfo.InvariantCulture, $"    expo-protocol = {Quoted(NameOf(typeof(ProtocolSerializer)))}");
        text.AppendLine(CultureInfo.InvariantCulture, $"    expo-journal = {Quoted(NameOf(typeof(JournalSerializer)))}");
        text.AppendLine("  }");
        text.AppendLine("  serialization-bindings {");
        foreach (Type message in ProtocolSerializer.MessageTypes)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"    {Quoted(NameOf(message))} = expo-protocol");
        }

        text.AppendLine(CultureInfo.InvariantCulture, $"    {Quoted(NameOf(typeof(JobEvent)))} = expo-journal");
        text.AppendLine("  }");
        text.AppendLine("}");
        return text.ToString();
    }

    private static string Journal(JournalSettings journal) => $$"""
        akka.persistence {
          journal {
            plugin = "akka.persistence.journal.sql"
            auto-start-journals = ["akka.persistence.journal.sql"]
            sql {
              connection-string = {{Quoted(journal.ConnectionString)}}
              provider-name = "{{journal.Provider}}"
              tag-write-mode = TagTable
              auto-initialize = true
              parallelism = {{journal.Parallelism}}
              replay-filter.mode = fail
            }
          }
          query.journal.sql {
            connection-string = {{Quoted(journal.ConnectionString)}}
            provider-name = "{{journal.Provider}}"
            write-plugin = "akka.persistence.journal.sql"
            tag-read-mode = TagTable
          }
          snapshot-store {
            plugin = "akka.persistence.snapshot-store.sql"
            sql {
              connection-string = {{Quoted(journal.ConnectionString)}}
              provider-name = "{{journal.Provider}}"
              auto-initialize = true
            }
          }
        }

        """;

    private static string NameOf(Type type) => $"{type.FullName}, {type.Assembly.GetName().Name}";

    private static string Quoted(string text) =>
        "\"" + text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal) + "\"";
}
