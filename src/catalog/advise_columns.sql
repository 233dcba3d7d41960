-- Purpose:    the columns of some tables with their statistics; those of a partitioned table without any of its
--             own are taken from one of its partitions
-- Parameters: $1 the tables' schemas, $2 their names, pairwise
-- Versions:   13 and later
-- Privileges: SELECT on the columns; pg_stats shows nothing of a column the role may not read
SELECT n.nspname::text,
       c.relname::text,
       a.attname::text,
       b.typname::text,
       a.attlen::int4,
       CASE a.attalign WHEN 'c' THEN 1 WHEN 's' THEN 2 WHEN 'i' THEN 4 ELSE 8 END::int4 AS align,
       a.attnotnull,
       -- Classes whose equal values have equal bytes (btequalimage, btvarstrequalimage in the sources).
       (b.typtype = 'e' OR b.typname IN ('bool', 'char', 'int2', 'int4', 'int8', 'oid', 'date', 'time', 'timestamp',
            'timestamptz', 'uuid', 'text', 'varchar', 'bpchar', 'bytea', 'inet', 'cidr', 'macaddr', 'name'))
         AND coalesce(col.collisdeterministic, true) AS deduplicates,
       coalesce(col.collname NOT IN ('C', 'POSIX')
            AND NOT (col.oid = 100::oid AND d.datcollate IN ('C', 'POSIX')), false) AS collated,
       s.avg_width::float8,
       s.null_frac::float8,
       s.n_distinct::float8,
       s.correlation::float8,
       b.oid AS base,
       -- What a cast of the column is printed with that changes no byte of it: an index on the column serves it.
       (SELECT coalesce(array_agg(x.printed), '{}')
          FROM (SELECT pg_catalog.format_type(b.oid, NULL) AS printed
                 UNION
                SELECT pg_catalog.format_type(k.casttarget, NULL)
                  FROM pg_catalog.pg_cast k
                 WHERE k.castsource = b.oid AND k.castmethod = 'b' AND k.castcontext = 'i') AS x)::text[] AS relabels
  FROM unnest($1::text[], $2::text[]) AS wanted(schema_name, table_name)
  JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema_name
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.table_name
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  JOIN pg_catalog.pg_type b ON b.oid = CASE WHEN t.typbasetype <> 0::oid THEN t.typbasetype ELSE t.oid END
  LEFT JOIN pg_catalog.pg_collation col ON col.oid = a.attcollation
  JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database()
  LEFT JOIN LATERAL (
       SELECT p.avg_width, p.null_frac, p.n_distinct, p.correlation
         FROM pg_catalog.pg_stats p
        WHERE p.attname = a.attname
          AND (p.schemaname, p.tablename) IN (
              SELECT n.nspname, c.relname
              UNION ALL
              SELECT ln.nspname, l.relname
                FROM pg_catalog.pg_partition_tree(c.oid) pt
                JOIN pg_catalog.pg_class l ON l.oid = pt.relid::oid
                JOIN pg_catalog.pg_namespace ln ON ln.oid = l.relnamespace
               WHERE c.relkind = 'p')
        ORDER BY p.schemaname = n.nspname AND p.tablename = c.relname DESC, p.inherited DESC, p.tablename
        LIMIT 1) s ON true
 ORDER BY 1, 2, a.attnum
