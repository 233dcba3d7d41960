-- Transactions prepared for two-phase commit, of all databases.
-- Servers: 13 to 18. Privileges: none.
SELECT p.gid, p.prepared, p.owner::text, p.database::text, age(p.transaction)
FROM pg_prepared_xacts p
ORDER BY p.prepared
