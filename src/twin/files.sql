SELECT g.blocks, g.height, pg_relation_filepath(c.oid) AS path
FROM json_to_recordset($1::text::json) AS g (schema text, name text, blocks bigint, height bigint)
JOIN pg_namespace n ON n.nspname = g.schema
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = g.name
WHERE g.blocks > 0 AND pg_relation_filepath(c.oid) IS NOT NULL
