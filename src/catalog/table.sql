-- Tables, partitioned tables, materialized views, foreign tables and TOAST tables, with the counters
-- behind pg_stat_user_tables: the functions are asked directly, because the view aggregates over
-- pg_index. Nothing here opens a table, so no lock can hold it up.
-- $1: the role may read all tables' statistics: has_table_privilege would look each of them up, and takes
-- longer than all the rest. TOAST tables have none of their own.
-- Servers: 13 to 18. Privileges: none.
SELECT c.oid, n.nspname::text, c.relname::text, c.relkind, c.relpersistence,
       pg_get_userbyid(c.relowner)::text,
       CASE WHEN c.relispartition
            THEN (SELECT i.inhparent FROM pg_inherits i WHERE i.inhrelid = c.oid LIMIT 1) END,
       CASE WHEN c.relkind <> 'p' THEN c.relpages END,
       c.reltuples, c.relallvisible, nullif(c.reltoastrelid, 0),
       CASE WHEN c.relfrozenxid <> '0'::xid THEN age(c.relfrozenxid) END,
       CASE WHEN c.relminmxid <> '0'::xid THEN mxid_age(c.relminmxid) END,
       age(c.xmin),
       c.reloptions, c.relreplident,
       $1 OR c.relkind = 't' OR has_table_privilege(c.oid, 'SELECT'),
       pg_stat_get_numscans(c.oid), pg_stat_get_tuples_returned(c.oid),
       pg_stat_get_tuples_inserted(c.oid), pg_stat_get_tuples_updated(c.oid),
       pg_stat_get_tuples_deleted(c.oid), pg_stat_get_tuples_hot_updated(c.oid),
       pg_stat_get_tuples_newpage_updated(c.oid), -- 16+
-- <16: NULL::int8,
       pg_stat_get_live_tuples(c.oid), pg_stat_get_dead_tuples(c.oid),
       pg_stat_get_mod_since_analyze(c.oid), pg_stat_get_ins_since_vacuum(c.oid),
       pg_stat_get_blocks_fetched(c.oid) - pg_stat_get_blocks_hit(c.oid),
       pg_stat_get_blocks_hit(c.oid),
       pg_stat_get_lastscan(c.oid), -- 16+
-- <16: NULL::timestamptz,
       pg_stat_get_last_vacuum_time(c.oid), pg_stat_get_last_autovacuum_time(c.oid),
       pg_stat_get_last_analyze_time(c.oid), pg_stat_get_last_autoanalyze_time(c.oid),
       pg_stat_get_vacuum_count(c.oid), pg_stat_get_autovacuum_count(c.oid),
       pg_stat_get_analyze_count(c.oid), pg_stat_get_autoanalyze_count(c.oid),
       pg_stat_get_total_autovacuum_time(c.oid) -- 18+
-- <18: NULL::float8
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'f', 't')
  AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
