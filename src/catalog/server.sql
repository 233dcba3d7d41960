-- The server, the snapshot's time, and what the asking role may see.
-- Servers: 13 to 18. Privileges: none.
SELECT current_setting('server_version'),
       current_setting('server_version_num')::int4,
       now(),
       pg_postmaster_start_time(),
       pg_is_in_recovery(),
       current_user::text,
       current_setting('is_superuser') = 'on',
       pg_has_role('pg_monitor', 'USAGE'),
       pg_has_role('pg_read_all_stats', 'USAGE'),
       pg_has_role('pg_read_all_settings', 'USAGE'),
       has_table_privilege('pg_catalog.pg_statistic', 'SELECT')
