namespace ExpoCluster.Cluster.Membership;

/// <summary>The tables that the database of a cluster has from its first version on, besides those of the register.</summary>
internal static class DatabaseTables
{
    /// <summary>Makes what is missing, and may be run any number of times. Later versions have steps of their own.</summary>
    /// <remarks>
    /// The first three are those of Akka.Persistence.Sql, which would make them itself, but not when several nodes start at once.
    /// That no sequence number of a job can be written twice is what keeps two coordinators from both journalling, with the trigger: an event
    /// follows one that is there, and whoever takes over writes on alone, for a coordinator that wrote before it is refused from then on.
    /// </remarks>
    public const string Sql = """
        create table if not exists journal (
          ordering bigint generated always as identity primary key,
          created bigint not null,
          deleted boolean not null,
          persistence_id text not null,
          sequence_number bigint not null,
          message bytea not null,
          manifest text,
          identifier integer,
          writer_uuid text,
          constraint journal_uq unique (persistence_id, sequence_number));
        create index if not exists journal_created_idx on journal (created);
        create table if not exists tags (
          ordering_id bigint not null,
          tag text not null,
          sequence_nr bigint not null,
          persistence_id text not null,
          primary key (ordering_id, tag));
        create index if not exists tags_tag_idx on tags (tag);
        create index if not exists tags_persistence_id_sequence_nr_idx on tags (persistence_id, sequence_nr);
        create table if not exists snapshot (
          persistence_id text not null,
          sequence_number bigint not null,
          created bigint not null,
          snapshot bytea,
          manifest text,
          serializer_id integer,
          primary key (persistence_id, sequence_number));
        create or replace function expocluster_one_writer() returns trigger language plpgsql as $$
        declare
          before text;
        begin
          if new.sequence_number > 1 then
            select writer_uuid into before from journal where persistence_id = new.persistence_id and sequence_number = new.sequence_number - 1;
            if not found then
              raise exception 'event % of % does not follow the one before it', new.sequence_number, new.persistence_id using errcode = 'unique_violation';
            end if;
            if before <> new.writer_uuid
              and exists (select 1 from journal where persistence_id = new.persistence_id and writer_uuid = new.writer_uuid) then
              raise exception 'another coordinator has taken % over', new.persistence_id using errcode = 'unique_violation';
            end if;
          end if;
          return new;
        end $$;
        do $$ begin
          if not exists (select 1 from pg_trigger where tgname = 'expocluster_one_writer' and tgrelid = 'journal'::regclass) then
            create trigger expocluster_one_writer before insert on journal
              for each row when (new.persistence_id like 'job-%') execute function expocluster_one_writer();
          end if;
        end $$;
        create table if not exists expocluster_identity (id uuid not null);
        insert into expocluster_identity select gen_random_uuid() where not exists (select 1 from expocluster_identity);
        create table if not exists expocluster_nodes (
          address text primary key,
          is_member boolean not null,
          seen timestamptz not null);
        create table if not exists expocluster_formations (
          id bigint generated always as identity primary key,
          formed_by text not null,
          at timestamptz not null);
        create table if not exists expocluster_removed (
          member text primary key,
          at timestamptz not null);
        create table if not exists expocluster_leases (
          name text primary key,
          owner text not null,
          until timestamptz not null);
        create table if not exists expocluster_outputs (
          path text primary key,
          job text not null,
          at timestamptz not null);
        create table if not exists expocluster_storage (
          root text primary key,
          token text not null);

        """;

    /// <summary>
    /// A process's coordinators of one job all write under one id. One that takes its job over again, after it was on another node, begins with the
    /// event that says so (<c>j3</c>); whatever else comes from a writer that was followed by another is still refused.
    /// </summary>
    public const string AllowReturn = """
        create or replace function expocluster_one_writer() returns trigger language plpgsql as $$
        declare
          before text;
        begin
          if new.sequence_number > 1 then
            select writer_uuid into before from journal where persistence_id = new.persistence_id and sequence_number = new.sequence_number - 1;
            if not found then
              raise exception 'event % of % does not follow the one before it', new.sequence_number, new.persistence_id using errcode = 'unique_violation';
            end if;
            if before <> new.writer_uuid and new.manifest is distinct from 'j3'
              and exists (select 1 from journal where persistence_id = new.persistence_id and writer_uuid = new.writer_uuid) then
              raise exception 'another coordinator has taken % over', new.persistence_id using errcode = 'unique_violation';
            end if;
          end if;
          return new;
        end $$;
        """;
}
