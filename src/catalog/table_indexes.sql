-- Purpose:    the indexes of some tables, with what they begin with
-- Parameters: $1 the tables' schemas, $2 their names, pairwise
-- Versions:   13 and later
-- Privileges: none
SELECT n.nspname::text,
       c.relname::text,
       x.relname::text,
       pg_catalog.pg_get_indexdef(i.indexrelid),
       i.indisvalid,
       a.attname::text AS leading_column,
       am.amname::text
  FROM unnest($1::text[], $2::text[]) AS wanted(schema_name, table_name)
  JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema_name
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.table_name
  JOIN pg_catalog.pg_index i ON i.indrelid = c.oid
  JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
  JOIN pg_catalog.pg_am am ON am.oid = x.relam
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] AND i.indkey[0] > 0
 ORDER BY 1, 2, 3
