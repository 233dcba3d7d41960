-- Takes the lock that keeps two proofs in one database apart, if it is free, and else says who has it: that, the
-- own pid, and the holder's.
-- Servers: 13 and later. Privileges: none. $1: the key.
SELECT t.taken, pg_catalog.pg_backend_pid(), h.pid
FROM (SELECT pg_catalog.pg_try_advisory_lock($1) AS taken) AS t
LEFT JOIN LATERAL (
         SELECT l.pid
         FROM pg_catalog.pg_locks l
         WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
           AND l.classid::int8 = ($1 >> 32) AND l.objid::int8 = ($1 & 4294967295)
           AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
           AND NOT t.taken
         LIMIT 1) AS h ON true
