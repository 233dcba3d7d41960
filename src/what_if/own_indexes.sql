-- The indexes that proofs built: by their names and their comment, of which either alone may be somebody else's
-- (CREATE TABLE … LIKE … INCLUDING ALL copies the comment).
-- Servers: 13 and later. Privileges: none.
-- $1: what their names begin with. $2: the comment.
SELECT n.nspname::text, c.relname::text
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('i', 'I') AND NOT c.relispartition
  AND pg_catalog.starts_with(c.relname::text, $1)
  AND pg_catalog.obj_description(c.oid, 'pg_class') = $2
ORDER BY 1, 2
