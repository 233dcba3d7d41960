-- The minimum privileges for a complete `dbaudit report`. Run this as a superuser, in the database.
CREATE ROLE dbaudit LOGIN;
ALTER ROLE dbaudit SET default_transaction_read_only = on;

-- Sessions, statements and settings of other roles; sizes; replication.
GRANT pg_monitor TO dbaudit;

-- Column statistics (for bloat) and sequence values; from version 14. It lets the role read tables.
-- Before 14: GRANT SELECT ON ALL TABLES, ALL SEQUENCES IN SCHEMA … TO dbaudit;
-- Without it, the checks concerned are reported as skipped.
GRANT pg_read_all_data TO dbaudit;

-- Statements; it must also be in shared_preload_libraries, which needs a restart.
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
