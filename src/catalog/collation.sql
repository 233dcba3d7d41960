-- Collations that indexes use, by their names as an index definition shows them.
-- Servers: 13 to 18. Privileges: none.
SELECT c.oid,
       CASE WHEN n.nspname = 'pg_catalog' THEN '' ELSE quote_ident(n.nspname) || '.' END
       || quote_ident(c.collname)
FROM pg_collation c
JOIN pg_namespace n ON n.oid = c.collnamespace
WHERE c.oid IN (SELECT unnest(i.indcollation) FROM pg_index i WHERE i.indexrelid >= 16384)
