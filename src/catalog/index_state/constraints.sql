-- The constraints that stand on indexes of some tables, and the foreign keys that refer to these tables through them.
-- Servers: 13 and later. Privileges: none. $1: see where the comment is replaced (catalog/index_state/load.rs).
SELECT conindid AS index, conname::text AS name, contype = 'f' AS refers
FROM pg_constraint
WHERE (contype IN ('p', 'u', 'x') AND conrelid = ANY (/* tables */))
   OR (contype = 'f' AND confrelid = ANY (/* tables */))
