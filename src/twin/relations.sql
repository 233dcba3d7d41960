SELECT n.nspname AS schema, c.relname AS name, c.relkind AS kind, c.relpages AS pages, c.reltuples::text AS tuples,
       c.relallvisible AS all_visible,
       CASE WHEN c.relkind IN ('r', 'm', 'i') THEN pg_relation_size(c.oid, 'main') / current_setting('block_size')::int
            ELSE 0 END AS blocks,
       NULL AS height, NULL AS gin
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm', 'p', 'i', 'I') AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
ORDER BY c.oid
