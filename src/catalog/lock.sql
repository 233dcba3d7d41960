-- Relations that others hold, or wait to hold, exclusively.
-- Servers: 13 to 18. Privileges: none.
SELECT l.relation, l.pid, l.granted
FROM pg_locks l
WHERE l.locktype = 'relation'
  AND l.mode = 'AccessExclusiveLock'
  AND l.pid IS DISTINCT FROM pg_backend_pid()
  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
