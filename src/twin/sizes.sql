UPDATE pg_class c
SET relpages = g.pages, reltuples = g.tuples, relallvisible = g.all_visible
FROM json_to_recordset($1::text::json) AS g (oid oid, pages int, tuples float4, all_visible int)
WHERE c.oid = g.oid
