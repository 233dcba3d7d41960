-- Collations that relations depend on, and the database's own, whose version is not the one they were made with.
-- C and POSIX have no version. The database's own is known from 15 on; its oid as an index has it is 100.
-- Servers: 13 to 18. Privileges: none.
SELECT c.oid, CASE WHEN n.nspname = 'pg_catalog' THEN '' ELSE quote_ident(n.nspname) || '.' END
       || quote_ident(c.collname), c.collprovider, c.collisdeterministic, c.collversion,
       pg_collation_actual_version(c.oid)
FROM pg_collation c
JOIN pg_namespace n ON n.oid = c.collnamespace
WHERE c.collversion <> pg_collation_actual_version(c.oid)
  AND c.oid IN (SELECT d.refobjid FROM pg_depend d
                WHERE d.refclassid = 'pg_collation'::regclass AND d.classid = 'pg_class'::regclass)
UNION ALL -- 15+
SELECT 100::oid, NULL, d.datlocprovider, true, d.datcollversion, pg_database_collation_actual_version(d.oid) -- 15+
FROM pg_database d -- 15+
WHERE d.datname = current_database() AND d.datcollversion <> pg_database_collation_actual_version(d.oid) -- 15+
