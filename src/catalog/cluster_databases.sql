-- The databases of the cluster, and why one cannot be reported on.
-- Servers: 13 to 18. Privileges: none.
SELECT datname::text,
       CASE WHEN NOT datallowconn THEN 'closed'
            WHEN datistemplate THEN 'template'
            WHEN NOT has_database_privilege(oid, 'CONNECT') THEN 'not allowed'
            ELSE '' END
FROM pg_database
ORDER BY datname
