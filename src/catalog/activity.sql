-- Sessions, and whom they wait for. pg_blocking_pids is asked only for those that wait for a lock: it
-- takes the lock manager's own locks.
-- Servers: 13 to 18. Privileges: none; pg_read_all_stats to see what other roles' sessions do.
SELECT a.pid, a.leader_pid, a.backend_type,
       a.datname::text, a.usename::text, a.application_name, a.client_addr::text, a.state,
       a.wait_event_type, a.wait_event,
       a.backend_start, a.xact_start, a.query_start, a.state_change,
       age(a.backend_xid), age(a.backend_xmin), left(a.query, 1000),
       CASE WHEN a.wait_event_type = 'Lock' THEN pg_blocking_pids(a.pid) END,
       a.pid = pg_backend_pid(),
       a.query IS DISTINCT FROM '<insufficient privilege>'
FROM pg_stat_activity a
ORDER BY a.pid
