-- Constraints of tables; constraint triggers left out, and NOT NULL (rows of their own from 18 on) but for those
-- that were never validated.
-- Servers: 13 to 18. Privileges: none.
SELECT k.oid, k.conname::text, k.contype, k.conrelid, nullif(k.conindid, 0), nullif(k.confrelid, 0),
       k.conkey, k.confkey, k.convalidated, nullif(k.conparentid, 0),
       k.conenforced, -- 18+
-- <18: true,
       k.conislocal
FROM pg_constraint k
JOIN pg_namespace n ON n.oid = k.connamespace
WHERE (k.contype IN ('p', 'u', 'f', 'x', 'c') OR k.contype = 'n' AND NOT k.convalidated)
  AND k.conrelid <> 0
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
