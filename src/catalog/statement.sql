-- The counters of this database's statements, without their texts, which live in a file.
-- Marks count the extension's minor version (1.11 is 11), which may lag behind the server's.
-- Extension: 1.8 (server 13) and later. Privileges: pg_read_all_stats to see other roles' statements.
SELECT s.queryid, s.userid,
       s.toplevel, -- 9+
-- <9: true,
       s.calls, s.total_exec_time, s.mean_exec_time, s.max_exec_time, s.stddev_exec_time, s.rows,
       s.shared_blks_hit, s.shared_blks_read, s.temp_blks_read, s.temp_blks_written,
       s.shared_blk_read_time, -- 11+
-- <11: s.blk_read_time,
       s.wal_bytes::int8
FROM pg_stat_statements(false) s
WHERE s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
ORDER BY s.total_exec_time DESC
