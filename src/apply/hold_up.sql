-- Transactions that a concurrent build on these tables would have to wait for if it began now.
-- Servers: 13 and later. Privileges: none; others' queries are shown to members of pg_read_all_stats only.
-- $1: the tables' OIDs.
SELECT coalesce(json_agg(json_build_object(
         'pid', a.pid, 'user', a.usename, 'application', a.application_name, 'state', a.state,
         'backend_type', a.backend_type,
         'transaction_ms', round(extract(epoch FROM clock_timestamp() - a.xact_start)::float8 * 1000::float8),
         'query', left(a.query, 120)) ORDER BY a.xact_start), '[]')::text
FROM pg_stat_activity a
WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.xact_start IS NOT NULL
  AND (a.backend_xmin IS NOT NULL
       OR EXISTS (SELECT FROM pg_locks l
                  WHERE l.pid = a.pid AND l.granted AND l.locktype = 'relation' AND l.relation::int8 = ANY ($1)
                    AND l.mode NOT IN ('AccessShareLock', 'RowShareLock')))
