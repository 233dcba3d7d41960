-- What stands under the names of the indexes that the migrations speak of, in the schemas that they may mean: those of
-- the search path, those that the files name, and those of their tables. Servers: 13 and later. Privileges: none.
-- $1: names, unquoted; $2: schemas, unquoted; $3: tables, quoted as SQL; $4: tables' OIDs.
SELECT x.oid, x.relkind::text AS kind, n.nspname::text AS schema, x.relname::text AS name,
       i.indrelid AS "table", t.relname::text AS table_name
FROM pg_class x
JOIN pg_namespace n ON n.oid = x.relnamespace
LEFT JOIN pg_index i ON i.indexrelid = x.oid
LEFT JOIN pg_class t ON t.oid = i.indrelid
WHERE x.relname = ANY ($1::name[])
  AND (n.nspname = ANY (current_schemas(true)) OR n.nspname = ANY ($2::name[])
       OR n.oid = ANY (ARRAY(SELECT relnamespace FROM pg_class
                             WHERE oid = ANY (ARRAY(SELECT to_regclass(asked)::oid FROM unnest($3::text[]) AS w (asked)))
                                OR oid = ANY ($4))))
