-- The least that `dbaudit report` needs to see everything. Run it as a superuser, in the database.
CREATE ROLE dbaudit LOGIN;
ALTER ROLE dbaudit SET default_transaction_read_only = on;

-- Other roles' sessions, statements and settings; sizes; replication.
GRANT pg_monitor TO dbaudit;

-- Columns' statistics (for bloat) and sequences' values. From version 14 on; it lets the role read
-- tables. Before 14: GRANT SELECT ON ALL TABLES, ALL SEQUENCES IN SCHEMA … TO dbaudit;
-- Without it those checks are reported as skipped.
GRANT pg_read_all_data TO dbaudit;

-- Statements; shared_preload_libraries must name it, which needs a restart.
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
