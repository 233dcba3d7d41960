-- What stands under these names; of an index, its table as well. Servers: 13 and later.
-- Privileges: none beyond USAGE of the schemas. $1: names, quoted as SQL.
SELECT w.asked, c.oid, c.relkind::text AS kind, i.indrelid AS "table"
FROM unnest($1::text[]) WITH ORDINALITY AS w (asked, place)
LEFT JOIN pg_class c ON c.oid = to_regclass(w.asked)
LEFT JOIN pg_index i ON i.indexrelid = c.oid
ORDER BY w.place
