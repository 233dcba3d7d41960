-- This database and its counters. stats_reset is NULL on a fresh cluster and after a crash.
-- pg_database_size looks at every file; with tens of thousands of relations the sum of relpages stands in.
-- Servers: 13 to 18. Privileges: CONNECT on the database, which the session has.
SELECT d.oid, d.datname::text, 
       CASE WHEN k.reltuples < 20000 THEN pg_database_size(d.oid)
            ELSE (SELECT sum(greatest(c.relpages, 0)::int8 * 8192)::int8 FROM pg_class c) END,
       k.reltuples >= 20000, pg_encoding_to_char(d.encoding)::text,
       d.datcollate::text, age(d.datfrozenxid), mxid_age(d.datminmxid), nullif(d.datconnlimit, -1),
       s.xact_commit, s.xact_rollback, s.blks_read, s.blks_hit, s.deadlocks, s.conflicts,
       s.temp_files, s.temp_bytes, s.checksum_failures, s.blk_read_time, s.blk_write_time,
       s.stats_reset, s.tup_returned, s.tup_fetched, s.tup_inserted, s.tup_updated, s.tup_deleted,
       (SELECT coalesce(json_object_agg(l.mode, l.held), '{}') FROM
           (SELECT mode, count(*) AS held FROM pg_locks WHERE database = d.oid GROUP BY mode) l)
FROM pg_database d
LEFT JOIN pg_stat_database s ON s.datid = d.oid
JOIN pg_class k ON k.oid = 'pg_class'::regclass
WHERE d.datname = current_database()
