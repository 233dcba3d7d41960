-- Who holds the lock that a concurrent build holds from before its index is in the catalog until it ends.
-- Servers: 13 and later. Privileges: none; other sessions' queries and progress are shown to members of
-- pg_read_all_stats only.
-- $1: the tables' OIDs. One row a table, lock and session: the table, and JSON (catalog/index_state.rs).
SELECT l.relation, json_build_object(
         'pid', l.pid, 'user', a.usename, 'application', a.application_name,
         'backend_type', a.backend_type, 'state', a.state, 'query', left(a.query, 200),
         'since_ms', round(extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.query_start))::float8 * 1000::float8),
         'building', (SELECT nullif(g.index_relid, 0::oid)::int8 FROM pg_stat_progress_create_index g WHERE g.pid = l.pid),
         'maintenance', a.backend_type = 'autovacuum worker'
            OR EXISTS (SELECT FROM pg_stat_progress_vacuum v WHERE v.pid = l.pid)
            OR EXISTS (SELECT FROM pg_stat_progress_analyze v WHERE v.pid = l.pid))::text
FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'relation' AND l.relation::int8 = ANY ($1) AND l.granted
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND l.mode = 'ShareUpdateExclusiveLock' AND l.pid IS DISTINCT FROM pg_backend_pid()
