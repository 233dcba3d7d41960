-- Vacuums running in this database.
-- Servers: 13 to 18. Privileges: none; pg_read_all_stats to see other roles' vacuums.
SELECT p.pid, p.relid, p.phase, p.heap_blks_total, p.heap_blks_scanned, p.index_vacuum_count
FROM pg_stat_progress_vacuum p
WHERE p.datname = current_database() AND p.relid IS NOT NULL
