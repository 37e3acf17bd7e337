using System.Globalization;
using System.Text;
using Akka.Configuration;
using Akka.Persistence.Sql;
using ExpoCluster.Cluster.Membership;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Cluster.Serialization;
using ExpoCluster.Core.Jobs;

namespace ExpoCluster.Cluster.Hosting;

/// <summary>The part of a node that Akka takes as HOCON; all else is typed.</summary>
internal static class NodeConfiguration
{
    /// <summary>Akka's name of the journal.</summary>
    internal const string JournalPlugin = "akka.persistence.journal.sql";

    // What membership, sharding and we ourselves send to a place on another node, without having been spoken to from there.
    private static readonly string[] TrustedPaths =
    [
        "/system/cluster/core/daemon",
        "/system/cluster/heartbeatReceiver",
        "/system/remote-watcher",
        $"/system/sharding/{NodeSettings.CoordinatorRole}Replicator",
        .. PathsOfSharding(Addressing.Coordinators),
        .. PathsOfSharding(Addressing.Writers),
        "/user/" + Work.Worker.ActorName,
        "/user/" + Vitals.ActorName,
    ];

    public static Config Of(NodeSettings settings) => ConfigurationFactory
        .ParseString(Common(settings) + Remoting(settings) + Membership(settings) + Serializers() + Journal(settings.Journal))
        .WithFallback(SqlPersistence.DefaultConfiguration);

    private static string Common(NodeSettings settings) => $$"""
        akka {
          loglevel = {{settings.LogLevel}}
          stdout-loglevel = OFF
          loggers = ["{{settings.LoggerType}}"]
          log-dead-letters = off
          log-dead-letters-during-shutdown = off
          actor.provider = cluster
          # Clocks that go on while nothing of this process is scheduled: on a machine that has much else to do, a start may take longer.
          actor.creation-timeout = 120s
          remote.startup-timeout = 120s
          scheduler.implementation = {{Quoted(NameOf(typeof(DeadlineScheduler)))}}
          # The node's program decides when it stops; nothing here may end the process by itself.
          coordinated-shutdown.exit-clr = off
          coordinated-shutdown.run-by-clr-shutdown-hook = off
          coordinated-shutdown.run-by-actor-system-terminate = off
          cluster {
            roles = [{{string.Join(", ", RolesOf(settings).Select(Quoted))}}]
            sharding {
              state-store-mode = ddata
              remember-entities-store = eventsourced
              passivate-idle-entity-after = off
              entity-restart-backoff = 1s
              # Shards that are handed over are read from the database all at once. One that is not read within five seconds, as on a busy
              # machine, begins anew, and its jobs wait for it: not ten seconds more. (A longer time would hold up the coordinator of shards as
              # well, which asks a node that has just joined again only behind it.)
              shard-failure-backoff = 1s
              journal-plugin-id = "{{JournalPlugin}}"
              snapshot-plugin-id = "akka.persistence.snapshot-store.sql"
              # Everything is in one place: no need to wait for other replicas.
              distributed-data.durable.keys = []
            }
          }
        }

        """;

    private static string[] PathsOfSharding(string typeName)
    {
        string manager = $"/system/sharding/{typeName}Coordinator";
        return [manager, manager + "/singleton/coordinator"];
    }

    private static IEnumerable<string> RolesOf(NodeSettings settings) => settings.Shared is { } shared
        ? settings.Roles.Append(Fingerprint.RoleOf(shared.Fingerprint + " shards=" + settings.Shards))
        : settings.Roles;

    // A node that is alone opens no port. One of a cluster does, and speaks to none but those of its authority.
    private static string Remoting(NodeSettings settings) => settings.Shared is null
        ? $$"""
            akka.remote.enabled-transports = ["{{InProcessTransport.ConfigPath}}"]
            {{InProcessTransport.ConfigPath}} {
              transport-class = {{Quoted(NameOf(typeof(InProcessTransport)))}}
              hostname = {{Quoted(settings.Hostname)}}
              port = {{settings.Port}}
            }

            """
        : $$"""
            akka.remote {
              # Even a node may not deploy actors on another, end them, or speak to any but those that are meant for it.
              untrusted-mode = on
              # Twice in this time each connection looks whether it owes an answer.
              system-message-ack-piggyback-timeout = 1s
              trusted-selection-paths = [{{string.Join(", ", TrustedPaths.Select(Quoted))}}]
              dot-netty.tcp {
                hostname = {{Quoted(settings.Hostname)}}
                port = {{settings.Port}}
                enable-ssl = true
                # Reports of many parts, and progress of many files, are larger than Akka's 128 kB, beyond which it drops them.
                maximum-frame-size = {{MessageLimits.FrameBytes}}b
                send-buffer-size = {{MessageLimits.FrameBytes}}b
                receive-buffer-size = {{MessageLimits.FrameBytes}}b
                # Each of these threads looks ten times a second whether it has something to do, and none has much.
                server-socket-worker-pool {
                  pool-size-min = 1
                  pool-size-max = 1
                }
                client-socket-worker-pool {
                  pool-size-min = 1
                  pool-size-max = 1
                }
              }
            }

            """;

    // A lost node is noticed after seven seconds: a busy machine may be silent for five. Whoever is not seen in the database
    // either is given up then (Formation); so what the resolver decides about, five seconds later, are partitions.
    private static string Membership(NodeSettings settings) => settings.Shared is not { } shared ? "" : $$"""
        akka.cluster {
          downing-provider-class = "Akka.Cluster.SBR.SplitBrainResolverProvider, Akka.Cluster"
          failure-detector {
            heartbeat-interval = 1s
            acceptable-heartbeat-pause = 6s
            expected-response-after = 1s
          }
          split-brain-resolver {
            active-strategy = lease-majority
            stable-after = 5s
            # Further nodes that are lost while the first is being given up, and a database that is slow, are no reason to end them all, as
            # they are by default after five seconds. Longer than the lease may be waited for.
            down-all-when-unstable = 90s
            lease-majority {
              lease-implementation = "expocluster.lease"
              acquire-lease-delay-for-minority = 2s
              release-after = 20s
            }
          }
        }
        expocluster.lease {
          lease-class = {{Quoted(NameOf(typeof(DatabaseLease)))}}
          # Shorter than a lost node is noticed and given up, so that what a lost node held is free by then.
          heartbeat-timeout = 8s
          heartbeat-interval = 2s
          # For this long a database that does not answer is asked again.
          lease-operation-timeout = 60s
          connection-string = {{Quoted(shared.DatabaseConnectionString)}}
        }

        """;

    private static string Serializers()
    {
        var text = new StringBuilder();
        text.AppendLine("akka.actor {");
        text.AppendLine("  serializers {");
        text.AppendLine(CultureInfo.InvariantCulture, $"    expo-protocol = {Quoted(NameOf(typeof(ProtocolSerializer)))}");
        text.AppendLine(CultureInfo.InvariantCulture, $"    expo-journal = {Quoted(NameOf(typeof(JournalSerializer)))}");
        text.AppendLine(CultureInfo.InvariantCulture, $"    akka-misc = {Quoted(NameOf(typeof(NarrowedMiscSerializer)))}");
        text.AppendLine(CultureInfo.InvariantCulture, $"    akka-system-msg = {Quoted(NameOf(typeof(NarrowedSystemSerializer)))}");
        foreach ((string name, _) in RefusingSerializer.Refused)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"    {name} = {Quoted(NameOf(typeof(RefusingSerializer)))}");
        }

        text.AppendLine("  }");
        foreach ((string name, int identifier) in RefusingSerializer.Refused)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  serialization-settings.{name}.identifier = {identifier}");
        }

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
            plugin = "{{JournalPlugin}}"
            auto-start-journals = [{{(journal.StartsWithSystem ? Quoted(JournalPlugin) : "")}}]
            sql {
              # Akka's breakers stay open for half a minute and more after the database is back.
              circuit-breaker.reset-timeout = 2s
              connection-string = {{Quoted(journal.ConnectionString)}}
              provider-name = "{{journal.Provider}}"
              tag-write-mode = TagTable
              auto-initialize = {{(journal.MakesTables ? "true" : "false")}}
              parallelism = {{journal.Parallelism}}
              replay-filter.mode = fail
            }
          }
          query.journal.sql {
            connection-string = {{Quoted(journal.ConnectionString)}}
            provider-name = "{{journal.Provider}}"
            write-plugin = "{{JournalPlugin}}"
            tag-read-mode = TagTable
          }
          snapshot-store {
            plugin = "akka.persistence.snapshot-store.sql"
            sql {
              circuit-breaker.reset-timeout = 2s
              connection-string = {{Quoted(journal.ConnectionString)}}
              provider-name = "{{journal.Provider}}"
              auto-initialize = {{(journal.MakesTables ? "true" : "false")}}
            }
          }
        }

        """;

    private static string NameOf(Type type) => $"{type.FullName}, {type.Assembly.GetName().Name}";

    private static string Quoted(string text) =>
        "\"" + text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal) + "\"";
}
