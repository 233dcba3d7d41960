-- WAL written since the counters began.
-- Servers: 14 to 18. Privileges: none.
SELECT w.wal_records, w.wal_fpi, w.wal_bytes::int8, w.wal_buffers_full, w.stats_reset
FROM pg_stat_wal w
