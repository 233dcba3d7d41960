-- The server, the role and the history table, as far as a deploy depends on them, and the OIDs of tables. One row.
-- Servers: 13 and later. Privileges: none beyond CONNECT. $1: the history table, quoted as SQL; $2: its schema,
-- unquoted, if one is given; $3: tables, quoted as SQL.
SELECT pg_is_in_recovery() AS in_recovery,
       current_setting('server_version_num')::int AS version_num,
       current_user::text AS "user",
       current_database()::text AS database,
       current_schemas(true)::text[] AS search_path,
       has_database_privilege(current_database()::text, 'TEMPORARY') AS may_create_temporary,
       s.nspname::text AS history_schema,
       coalesce(has_schema_privilege(s.oid, 'CREATE'), false) AS may_make_history,
       n.nspname::text AS schema,
       c.relname::text AS name,
       has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
         AND has_table_privilege(c.oid, 'UPDATE') AS may_write,
       ARRAY(SELECT to_regclass(asked)::oid FROM unnest($3::text[]) WITH ORDINALITY AS w (asked, place)
             ORDER BY place) AS tables
FROM (SELECT) AS one
LEFT JOIN pg_namespace s ON s.nspname = coalesce($2::text, current_schema())
LEFT JOIN pg_class c ON c.oid = to_regclass($1)::oid
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
