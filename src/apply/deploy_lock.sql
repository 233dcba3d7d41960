-- Takes the lock that keeps two deploys apart, if it is free, and else says who has it: in words, and the pid.
-- Servers: 13 and later. Privileges: none. $1: the key.
SELECT t.taken, h.words, h.pid
FROM (SELECT pg_try_advisory_lock($1) AS taken) AS t
LEFT JOIN LATERAL (
         SELECT l.pid, format('pid %s (%s)', l.pid, concat_ws(', ', nullif(a.usename, ''), nullif(a.application_name, ''),
                       nullif(host(a.client_addr), ''), format('since %s', date_trunc('second', a.backend_start)))) AS words
         FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
         WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
           AND l.classid::int8 = ($1 >> 32) AND l.objid::int8 = ($1 & 4294967295)
           AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND NOT t.taken
         LIMIT 1) AS h ON true
