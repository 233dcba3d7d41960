-- Ends the session of a proof that nobody listens to any more, if it is still there: as long as it has the lock, it
-- may be building.
-- Servers: 13 and later. Privileges: that session's role, or pg_signal_backend.
-- $1: the key of the lock. $2: the session's pid.
SELECT pg_catalog.pg_terminate_backend(l.pid)
FROM pg_catalog.pg_locks l
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.pid = $2
  AND l.classid::int8 = ($1 >> 32) AND l.objid::int8 = ($1 & 4294967295)
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
