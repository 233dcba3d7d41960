-- All databases of the cluster.
-- Servers: 13 to 18. Privileges: none.
SELECT d.datname::text, d.datallowconn AND NOT d.datistemplate, age(d.datfrozenxid),
       mxid_age(d.datminmxid), pg_stat_get_db_numbackends(d.oid)
FROM pg_database d
ORDER BY d.datname
