UPDATE pg_class c
SET relpages = g.pages, reltuples = g.tuples, relallvisible = g.all_visible
FROM json_to_recordset($1::text::json) AS g (schema text, name text, pages int, tuples float4, all_visible int)
JOIN pg_namespace n ON n.nspname = g.schema
WHERE c.relnamespace = n.oid AND c.relname = g.name
