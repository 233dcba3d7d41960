-- Tables. Servers: 13 and later. Privileges: none. $1: see where the comment is replaced (catalog/index_state/load.rs).
SELECT c.oid, c.relkind::text AS kind, n.nspname::text AS schema, c.relname::text AS name,
       pg_has_role(c.relowner, 'USAGE') AS owned,
       pg_get_userbyid(c.relowner)::text AS owner,
       pg_has_role(c.relowner, 'MEMBER') AS may_become_owner,
       coalesce(has_schema_privilege(c.relnamespace, 'CREATE'), false) AS may_create,
       greatest(c.relpages, 0)::int8 * current_setting('block_size')::int8 AS bytes
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY (/* tables */)
ORDER BY c.oid
