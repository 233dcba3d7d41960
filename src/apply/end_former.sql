-- Ends sessions of this run's own whose connections were lost. Servers: 13 and later. Privileges: none, for sessions of
-- the same role. $1: processes; $2: when each began, as text in UTC.
SELECT pg_terminate_backend(a.pid)
FROM unnest($1::int4[], $2::text[]) AS lost (pid, started)
JOIN pg_stat_activity a ON a.pid = lost.pid
 AND to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') = lost.started
WHERE a.application_name LIKE 'dbaudit apply-indexes%' AND a.pid <> pg_backend_pid()
