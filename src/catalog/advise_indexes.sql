-- Purpose:    the indexes of some tables, with what they are sorted by as the server prints it
-- Parameters: $1 the tables' schemas, $2 their names, pairwise
-- Versions:   13 and later
-- Privileges: none
SELECT n.nspname::text,
       c.relname::text,
       x.relname::text AS index_name,
       am.amname::text,
       (SELECT array_agg(
               pg_catalog.pg_get_indexdef(i.indexrelid, k, false)
               || CASE WHEN o.opcdefault THEN '' ELSE ' ' || o.opcname::text END
               || CASE i.indoption[k - 1]::int4 & 3 WHEN 3 THEN ' DESC' WHEN 1 THEN ' DESC NULLS LAST'
                       WHEN 2 THEN ' NULLS FIRST' ELSE '' END ORDER BY k)
          FROM generate_series(1, i.indnkeyatts::int4) AS k
          JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[k - 1])::text[] AS keys,
       (SELECT coalesce(array_agg(a.attname::text ORDER BY k), '{}')
          FROM generate_series(i.indnkeyatts + 1, i.indnatts::int4) AS k
          JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k - 1])::text[] AS included,
       pg_catalog.pg_get_expr(i.indpred, i.indrelid) AS predicate,
       i.indisunique OR i.indisexclusion OR i.indisreplident
         OR EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid) AS enforces,
       i.indisvalid,
       coalesce((SELECT sum(pg_catalog.pg_stat_get_numscans(t.relid)) FROM pg_catalog.pg_partition_tree(i.indexrelid) t
                  WHERE t.isleaf),
                pg_catalog.pg_stat_get_numscans(i.indexrelid))::int8 AS scans,
       (greatest(x.relpages, 0)::int8 * 8192) AS bytes
  FROM unnest($1::text[], $2::text[]) AS wanted(schema_name, table_name)
  JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema_name
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.table_name
  JOIN pg_catalog.pg_index i ON i.indrelid = c.oid
  JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
  JOIN pg_catalog.pg_am am ON am.oid = x.relam
 ORDER BY 1, 2, 3
