-- When the database was made: its folder's first file is never written again.
-- Servers: 13 to 18. Privileges: EXECUTE on pg_stat_file, which superusers have.
SELECT (pg_stat_file(regexp_replace(pg_relation_filepath('pg_class'), '[^/]*$', 'PG_VERSION'), true)).modification
