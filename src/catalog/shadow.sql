-- How the indexes on the shadow tables read: name, unique, definition from behind the table's name,
-- tablespace, key columns, predicate. Servers: 13 and later.
-- Privileges: none. The list of the shadow tables is put in place of the comment.
SELECT x.relname, i.indisunique,
       substr(d.definition, strpos(d.definition, c.relname || ' ') + length(c.relname) + 1),
       (SELECT spcname FROM pg_tablespace WHERE oid = x.reltablespace),
       (SELECT json_agg(pg_get_indexdef(x.oid, k, false) ORDER BY k) FROM generate_series(1, i.indnkeyatts) AS k),
       pg_get_expr(i.indpred, i.indrelid)
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_class c ON c.oid = i.indrelid
CROSS JOIN LATERAL pg_get_indexdef(x.oid) AS d (definition)
WHERE i.indrelid IN (/* shadows */)
