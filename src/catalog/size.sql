-- Sizes from the file system: all of the relation with its TOAST table, and the TOAST table alone.
-- $1: the relations' oids. Opens each of them: those that others hold exclusively must not be asked for.
-- Servers: 13 to 18. Privileges: none.
SELECT c.oid, pg_table_size(c.oid),
       CASE WHEN c.reltoastrelid <> 0 THEN pg_total_relation_size(c.reltoastrelid) END
FROM pg_class c
WHERE c.oid = ANY ($1)
