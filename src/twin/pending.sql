-- Per GIN index that has a pending list, the question how many pages wait there.
SELECT n.nspname AS schema, x.relname AS name,
       format('SELECT pending_pages FROM {schema}.pgstatginindex(''%s'')', x.oid) AS query
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_am am ON am.oid = x.relam AND am.amname = 'gin'
JOIN pg_namespace n ON n.oid = x.relnamespace
WHERE x.relkind = 'i' AND x.relpersistence <> 't' AND i.indisvalid
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_options_to_table(x.reloptions)
                  WHERE option_name = 'fastupdate' AND NOT option_value::bool)
