-- Every setting that the role may see. Connection strings may hold passwords and are left out.
-- Servers: 13 to 18. Privileges: none; pg_read_all_settings for all of them.
SELECT name, setting, unit, source, pending_restart, boot_val
FROM pg_settings
WHERE name NOT IN ('primary_conninfo', 'ssl_passphrase_command')
