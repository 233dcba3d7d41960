-- The columns' statistics, straight from pg_statistic: the pg_stats view costs twenty times as much.
-- Servers: 13 to 18. Privileges: SELECT on pg_statistic (superuser, or pg_read_all_data from 14 on).
SELECT s.starelid, s.staattnum, s.stanullfrac, s.stawidth, s.stadistinct
FROM pg_statistic s
WHERE s.starelid >= 16384
  AND NOT s.stainherit
