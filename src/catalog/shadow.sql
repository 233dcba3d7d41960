-- How the indexes on the shadow tables read: name, unique, definition from behind the table's name,
-- tablespace, key columns, predicate. Servers: 13 and later.
-- Qualified throughout: a shadow bears its table's name, and comes first on the search path.
-- Privileges: none. The list of the shadow tables is put in place of the comment.
SELECT x.relname, i.indisunique,
       -- Behind the table's name; its schema is printed in one way or another, by version.
       substr(d.definition, strpos(d.definition, format('.%I USING ', c.relname)) + length(format('.%I ', c.relname))),
       (SELECT spcname FROM pg_catalog.pg_tablespace WHERE oid = x.reltablespace),
       (SELECT json_agg(pg_get_indexdef(x.oid, k, false) ORDER BY k) FROM generate_series(1, i.indnkeyatts::int4) AS k),
       pg_get_expr(i.indpred, i.indrelid)
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
CROSS JOIN LATERAL pg_get_indexdef(x.oid) AS d (definition)
WHERE i.indrelid IN (/* shadows */)
