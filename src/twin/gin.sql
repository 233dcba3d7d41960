-- Per GIN index its OID, in the place of a question.
SELECT n.nspname AS schema, x.relname AS name, x.oid::text AS query
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_am am ON am.oid = x.relam AND am.amname = 'gin'
JOIN pg_namespace n ON n.oid = x.relnamespace
WHERE x.relkind = 'i' AND x.relpersistence <> 't' AND i.indisvalid
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
