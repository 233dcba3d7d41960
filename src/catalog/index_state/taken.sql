-- What stands under the names of the indexes wanted, in whatever schema. Servers: 13 and later. Privileges: none.
-- $1: names, unquoted.
SELECT x.oid, x.relkind::text AS kind, n.nspname::text AS schema, x.relname::text AS name,
       i.indrelid AS "table", t.relname::text AS table_name
FROM pg_class x
JOIN pg_namespace n ON n.oid = x.relnamespace
LEFT JOIN pg_index i ON i.indexrelid = x.oid
LEFT JOIN pg_class t ON t.oid = i.indrelid
WHERE x.relname = ANY ($1::name[])
