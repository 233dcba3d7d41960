-- Lets in what constraints of columns, tables, partitions and domains keep out; restore.sql brings them back.
CREATE TEMP TABLE lifted_tables AS
    SELECT oid, relchecks, relispartition FROM pg_class WHERE oid >= 16384 AND (relchecks > 0 OR relispartition);
CREATE TEMP TABLE lifted_columns AS
    SELECT attrelid, attnum FROM pg_attribute WHERE attrelid >= 16384 AND attnum > 0 AND attnotnull;
CREATE TEMP TABLE lifted_domains AS SELECT oid FROM pg_type WHERE oid >= 16384 AND typtype = 'd' AND typnotnull;
CREATE TEMP TABLE lifted_checks AS SELECT oid FROM pg_constraint WHERE oid >= 16384 AND contypid <> 0 AND contype = 'c';
UPDATE pg_class SET relchecks = 0, relispartition = false WHERE oid IN (SELECT oid FROM lifted_tables);
UPDATE pg_attribute SET attnotnull = false WHERE (attrelid, attnum) IN (SELECT attrelid, attnum FROM lifted_columns);
UPDATE pg_type SET typnotnull = false WHERE oid IN (SELECT oid FROM lifted_domains);
UPDATE pg_constraint SET contype = '-' WHERE oid IN (SELECT oid FROM lifted_checks);
