-- What backends are at: the lock they wait for and who keeps it from them (never this session, which is only looking),
-- whether they wait for a synchronous standby, and how far a build is.
-- Servers: 13 and later. Privileges: none; others' queries and progress are shown to members of
-- pg_read_all_stats and of the same role.
-- $1: pids.
SELECT a.pid, l.locktype, l.mode, g.phase,
       g.blocks_done, g.blocks_total, g.tuples_done, g.tuples_total, g.lockers_done, g.lockers_total,
       CASE WHEN l.locktype IS NOT NULL THEN (
         SELECT json_agg(json_build_object(
           'pid', b.pid, 'user', b.usename, 'application', b.application_name, 'state', b.state,
           'backend_type', b.backend_type,
           'transaction_ms', round(extract(epoch FROM clock_timestamp() - b.xact_start)::float8 * 1000::float8),
           'query', left(b.query, 120)))::text
         FROM unnest(pg_blocking_pids(a.pid)) AS w (pid) LEFT JOIN pg_stat_activity b ON b.pid = w.pid
         WHERE w.pid <> pg_backend_pid())
       END,
       a.state,
       CASE WHEN a.wait_event = 'SyncRep' THEN current_setting('synchronous_standby_names') END
FROM pg_stat_activity a
LEFT JOIN LATERAL (SELECT locktype, mode FROM pg_locks WHERE pid = a.pid AND NOT granted LIMIT 1) l ON true
LEFT JOIN pg_stat_progress_create_index g ON g.pid = a.pid
WHERE a.pid = ANY ($1) AND a.datname = current_database()
