-- Tables that pg_dump may not lock (`readable` is false), or of which the role sees no statistics, since its rows are hidden.
SELECT format('%I.%I', n.nspname, c.relname) AS name, has_table_privilege(c.oid, 'SELECT') AS readable
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm', 'p') AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND (NOT has_table_privilege(c.oid, 'SELECT') OR row_security_active(c.oid))
ORDER BY readable, name
