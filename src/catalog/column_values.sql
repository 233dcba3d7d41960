-- Purpose:    a column, and what its statistics know of its values
-- Parameters: $1 the table as SQL (quoted where needed), $2 the column's bare name
-- Versions:   13 and later
-- Privileges: SELECT on the column; pg_stats shows nothing of a column the role may not read
SELECT c.oid,
       c.relkind::text,
       size.pages,
       size.rows,
       a.attname IS NOT NULL AS has_column,
       t.typcategory::text,
       t.typname::text,
       (SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder)
          FROM pg_catalog.pg_enum e
         WHERE e.enumtypid = t.oid) AS enum_labels,
       s.n_distinct::float8,
       s.most_common,
       s.frequencies,
       s.bounds
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (
       -- The parent of partitions has no pages, and up to 13 no count of rows; it may have no partition.
       SELECT coalesce(sum(greatest(p.relpages, 0)), 0)::int8 AS pages,
              CASE WHEN min(p.reltuples) >= 0::float4 THEN sum(p.reltuples)::float8 ELSE -1 END AS rows
         FROM pg_catalog.pg_class p
        WHERE p.oid = c.oid AND c.relkind <> 'p'
           OR c.relkind = 'p'
          AND p.oid IN (SELECT t.relid::oid FROM pg_catalog.pg_partition_tree(c.oid) t WHERE t.isleaf)) size
  LEFT JOIN pg_catalog.pg_attribute a
         ON a.attrelid = c.oid AND a.attname = $2 AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  LEFT JOIN LATERAL (
       -- anyarray to text[] by way of text: right for every type but arrays and those with another
       -- delimiter, whose statistics are left alone. The row with children counted comes first.
       SELECT p.n_distinct,
              p.most_common_vals::text::text[] AS most_common,
              p.most_common_freqs::float8[] AS frequencies,
              p.histogram_bounds::text::text[] AS bounds
         FROM pg_catalog.pg_stats p
        WHERE p.schemaname = n.nspname
          AND p.tablename = c.relname
          AND p.attname = a.attname
          AND t.typcategory <> 'A'
          AND t.typdelim = ','
        ORDER BY p.inherited DESC
        LIMIT 1) s ON true
 WHERE c.oid = to_regclass($1)::oid
