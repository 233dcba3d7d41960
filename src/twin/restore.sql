UPDATE pg_class c SET relchecks = l.relchecks, relispartition = l.relispartition FROM lifted_tables l WHERE l.oid = c.oid;
UPDATE pg_attribute SET attnotnull = true WHERE (attrelid, attnum) IN (SELECT attrelid, attnum FROM lifted_columns);
UPDATE pg_type SET typnotnull = true WHERE oid IN (SELECT oid FROM lifted_domains);
UPDATE pg_constraint SET contype = 'c' WHERE oid IN (SELECT oid FROM lifted_checks);
DROP TABLE lifted_tables, lifted_columns, lifted_domains, lifted_checks;
