-- Extensions installed in this database.
-- Servers: 13 to 18. Privileges: none.
SELECT e.extname::text, e.extversion, n.nspname::text
FROM pg_extension e
JOIN pg_namespace n ON n.oid = e.extnamespace
ORDER BY e.extname
