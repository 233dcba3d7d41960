-- WAL archiving.
-- Servers: 13 to 18. Privileges: none.
SELECT a.archived_count, a.last_archived_time, a.failed_count, a.last_failed_time, a.stats_reset
FROM pg_stat_archiver a
