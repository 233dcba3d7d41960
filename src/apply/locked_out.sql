-- Who has locked these tables against readers, or the history table against being written or altered, or waits to.
-- Servers: 13 and later. Privileges: none; others' queries are shown to members of pg_read_all_stats only.
-- $1: tables, $2: the history table, quoted as SQL.
SELECT coalesce(json_agg(json_build_object(
         'pid', l.pid, 'user', a.usename, 'application', a.application_name, 'state', a.state,
         'backend_type', a.backend_type,
         'transaction_ms', round(extract(epoch FROM clock_timestamp() - a.xact_start)::float8 * 1000::float8),
         'query', left(a.query, 120)) ORDER BY l.granted DESC, a.xact_start), '[]')::text
FROM (SELECT DISTINCT to_regclass(asked)::oid AS oid FROM (SELECT unnest($1::text[]) UNION ALL SELECT $2) AS w (asked)) AS t
JOIN pg_locks l ON l.locktype = 'relation' AND l.relation = t.oid AND l.pid IS DISTINCT FROM pg_backend_pid()
  AND (l.mode = 'AccessExclusiveLock' OR l.relation = to_regclass($2)::oid)
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
LEFT JOIN pg_stat_activity a ON a.pid = l.pid
