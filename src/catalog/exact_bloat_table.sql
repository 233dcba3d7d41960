-- What is free or dead in a table. $1: its oid. Reads the table whole.
-- Extension pgstattuple. Privileges: pg_stat_scan_tables (pg_monitor has it).
SELECT $1::oid, t.table_len, t.dead_tuple_len + t.free_space
FROM pgstattuple($1::oid::regclass) t
