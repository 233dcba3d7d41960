-- Purpose:    some tables and partitions: each leaf of the partition tree it belongs to, with its rows and pages, and
--             what was written so far; a table without partitions is its own leaf
-- Parameters: $1 the tables' schemas, $2 their names, pairwise
-- Versions:   13 and later
-- Privileges: none
SELECT wn.nspname::text AS asked_schema,
       w.relname::text AS asked_name,
       rn.nspname::text AS root_schema,
       r.relname::text AS root_name,
       r.relkind::text,
       pg_catalog.pg_has_role(r.relowner, 'USAGE') AS owned,
       ln.nspname::text AS leaf_schema,
       l.relname::text AS leaf_name,
       -- Never analysed: as many rows as would fit if they were of a hundred bytes.
       CASE WHEN l.relkind = 'f' THEN greatest(l.reltuples, 0::float4)
            WHEN l.reltuples < 0::float4 THEN pg_catalog.pg_relation_size(l.oid) / 100
            ELSE l.reltuples END::float8 AS rows,
       -- It may have grown since it was last looked at.
       CASE WHEN l.relkind = 'f' THEN greatest(l.relpages, 0)
            ELSE greatest(l.relpages, pg_catalog.pg_relation_size(l.oid) / 8192) END::float8 AS pages,
       pg_catalog.pg_stat_get_tuples_inserted(l.oid)::float8 AS inserted,
       pg_catalog.pg_stat_get_tuples_updated(l.oid)::float8 AS updated,
       pg_catalog.pg_stat_get_tuples_hot_updated(l.oid)::float8 AS hot,
       pg_catalog.pg_stat_get_tuples_deleted(l.oid)::float8 AS deleted,
       greatest(l.relallvisible, 0)::float8 AS all_visible
  FROM unnest($1::text[], $2::text[]) AS wanted(schema_name, table_name)
  JOIN pg_catalog.pg_namespace wn ON wn.nspname = wanted.schema_name
  JOIN pg_catalog.pg_class w ON w.relnamespace = wn.oid AND w.relname = wanted.table_name
  JOIN pg_catalog.pg_class r ON r.oid = coalesce(pg_catalog.pg_partition_root(w.oid)::oid, w.oid)
  JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
  CROSS JOIN LATERAL (
       SELECT t.relid::oid AS leaf FROM pg_catalog.pg_partition_tree(r.oid) t WHERE t.isleaf
       UNION ALL
       SELECT r.oid WHERE r.relkind <> 'p' AND NOT r.relispartition) AS leaves
  JOIN pg_catalog.pg_class l ON l.oid = leaves.leaf
  JOIN pg_catalog.pg_namespace ln ON ln.oid = l.relnamespace
 WHERE r.relkind IN ('r', 'p', 'm')
 ORDER BY 1, 2, 7, 8
