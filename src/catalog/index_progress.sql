-- Index builds running in this database.
-- Servers: 13 to 18. Privileges: none; pg_read_all_stats to see other roles' builds.
SELECT p.pid, p.relid, nullif(p.index_relid, 0), p.phase
FROM pg_stat_progress_create_index p
WHERE p.datname = current_database() AND p.relid IS NOT NULL
