-- Purpose:    the commonest combinations of values of some columns, as extended statistics know them
-- Parameters: $1 the table's oid, $2 the columns' bare names
-- Versions:   13 and later
-- Privileges: SELECT on the columns; pg_stats_ext shows nothing of columns that the role may not read
SELECT format('%I.%I', s.statistics_schemaname, s.statistics_name) AS name,
       s.attnames::text[] AS columns,
       -- Flat: all values of the first combination, then of the second, …
       ARRAY(SELECT unnest(s.most_common_vals)) AS vals,
       s.most_common_freqs::float8[] AS frequencies
  FROM pg_catalog.pg_stats_ext s
 WHERE to_regclass(format('%I.%I', s.schemaname, s.tablename))::oid = $1::oid
   AND s.attnames::text[] @> $2::text[]
   AND s.most_common_vals IS NOT NULL
 ORDER BY cardinality(s.attnames), 1
 LIMIT 1
