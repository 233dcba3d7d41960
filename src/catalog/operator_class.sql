-- Operator classes and, below, collations that indexes may name. Names are quoted by the server; one
-- outside pg_catalog carries its schema.
-- Servers: 13 to 18. Privileges: none.
SELECT o.oid,
       CASE WHEN n.nspname = 'pg_catalog' THEN '' ELSE quote_ident(n.nspname) || '.' END
       || quote_ident(o.opcname),
       o.opcdefault, o.opcfamily, o.opcintype
FROM pg_opclass o
JOIN pg_namespace n ON n.oid = o.opcnamespace
