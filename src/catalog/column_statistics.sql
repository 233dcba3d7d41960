-- The columns' statistics, straight from pg_statistic: the pg_stats view costs twenty times as much.
-- Servers: 13 to 18. Privileges: SELECT on pg_statistic (superuser, or pg_read_all_data from 14 on).
-- The correlation is in the slot of kind 3.
SELECT s.starelid, s.staattnum, s.stanullfrac, s.stawidth, s.stadistinct,
       CASE 3 WHEN s.stakind1 THEN s.stanumbers1[1] WHEN s.stakind2 THEN s.stanumbers2[1]
              WHEN s.stakind3 THEN s.stanumbers3[1] WHEN s.stakind4 THEN s.stanumbers4[1]
              WHEN s.stakind5 THEN s.stanumbers5[1] END
FROM pg_statistic s
WHERE s.starelid >= 16384
  AND NOT s.stainherit
