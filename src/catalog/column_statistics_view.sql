-- The columns' statistics of some tables, through the view that shows each role only what it may read.
-- $1: the tables' names, to keep the view from reading all of pg_statistic.
-- Servers: 13 to 18. Privileges: SELECT on each table, or pg_read_all_data from 14 on.
SELECT c.oid, a.attnum, s.null_frac, s.avg_width, s.n_distinct, s.correlation
FROM pg_stats s
JOIN pg_namespace n ON n.nspname = s.schemaname
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = s.tablename
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = s.attname
WHERE s.tablename = ANY ($1)
  AND NOT s.inherited
  AND c.oid >= 16384
