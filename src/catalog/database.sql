-- This database and its counters. stats_reset is NULL on a fresh cluster and after a crash.
-- Servers: 13 to 18. Privileges: CONNECT on the database, which the session has.
SELECT d.oid, d.datname::text, pg_database_size(d.oid), pg_encoding_to_char(d.encoding)::text,
       d.datcollate::text, age(d.datfrozenxid), mxid_age(d.datminmxid), nullif(d.datconnlimit, -1),
       s.xact_commit, s.xact_rollback, s.blks_read, s.blks_hit, s.deadlocks, s.conflicts,
       s.temp_files, s.temp_bytes, s.checksum_failures, s.blk_read_time, s.blk_write_time,
       s.stats_reset
FROM pg_database d
LEFT JOIN pg_stat_database s ON s.datid = d.oid
WHERE d.datname = current_database()
