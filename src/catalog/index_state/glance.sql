-- The indexes of some tables, as far as a run with nothing to do depends on them: a quarter of what the full
-- questions cost a new backend, whose caches are empty. Servers: 13 and later. Privileges: none.
-- The comment is replaced by the tables, as a list of to_regclass('…') (catalog/index_state/glance.rs).
SELECT a.asked, c.oid AS "table", c.relkind::text AS kind, n.nspname::text AS schema, c.relname::text AS table_name,
       greatest(c.relpages, 0)::int8 * b.size AS table_bytes,
       x.oid, x.relname::text AS name, greatest(x.relpages, 0)::int8 * b.size AS bytes,
       i.indisvalid AS valid, i.indisready AS ready, i.indislive AS live, i.indisunique AS "unique",
       pg_get_indexdef(x.oid) AS definition, pg_is_in_recovery() AS in_recovery
FROM (SELECT ARRAY[/* tables */]::oid[] AS asked OFFSET 0) a
CROSS JOIN (SELECT current_setting('block_size')::int8 AS size) b
JOIN pg_class c ON c.oid = ANY (a.asked)
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_index i ON i.indrelid = c.oid
JOIN pg_class x ON x.oid = i.indexrelid
