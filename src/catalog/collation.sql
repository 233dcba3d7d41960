-- Collations that indexes use, by their names as an index definition shows them.
-- $1: the collations' oids.
-- Servers: 13 to 18. Privileges: none.
SELECT c.oid,
       CASE WHEN n.nspname = 'pg_catalog' THEN '' ELSE quote_ident(n.nspname) || '.' END
       || quote_ident(c.collname)
FROM pg_collation c
JOIN pg_namespace n ON n.oid = c.collnamespace
WHERE c.oid = ANY ($1)
