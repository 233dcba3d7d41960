-- An example of a query file; it asks about tables, which every database has. Put the statement in its place that your
-- application sends, with what it may take. `dbaudit time-queries` times it with its worst and its typical parameters,
-- and `dbaudit explain query-file` says what else may stand here.
--
-- name: first_query
-- budget: 100ms
-- param $1: values pg_class, no_such_table
SELECT c.oid, c.relname, c.relkind FROM pg_catalog.pg_class c WHERE c.relname = $1;
