-- The expressions and predicates of indexes, and the definitions that cannot be composed from facts.
-- $1: the indexes' oids. $2: of those, the ones whose definition is wanted.
-- Opens the tables: those that others hold exclusively must not be asked for.
-- Servers: 13 to 18. Privileges: none.
SELECT i.indexrelid, pg_get_expr(i.indexprs, i.indrelid), pg_get_expr(i.indpred, i.indrelid),
       CASE WHEN i.indexrelid = ANY ($2) THEN pg_get_indexdef(i.indexrelid) END
FROM pg_index i
WHERE i.indexrelid = ANY ($1)
