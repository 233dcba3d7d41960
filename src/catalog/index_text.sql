-- The expressions and predicates of indexes, and the definitions that cannot be composed from facts.
-- $1: the indexes' oids. $2: for each of them, whether its definition is wanted.
-- Opens the tables: those that others hold exclusively must not be asked for.
-- Servers: 13 to 18. Privileges: none.
SELECT i.indexrelid, pg_get_expr(i.indexprs, i.indrelid), pg_get_expr(i.indpred, i.indrelid),
       CASE WHEN w.definition THEN pg_get_indexdef(i.indexrelid) END
FROM unnest($1::oid[], $2::bool[]) AS w (oid, definition)
JOIN pg_index i ON i.indexrelid = w.oid
