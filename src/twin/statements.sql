-- The rows of pg_stat_statements that an application's queries on this database have, the heaviest first.
-- Extension 1.8 (server 13) and later. Privileges: pg_read_all_stats to see other roles' statements.
SELECT to_jsonb(s) - 'userid' - 'dbid' AS statement
FROM {schema}.pg_stat_statements s
WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND s.queryid IS NOT NULL AND s.calls > 0 AND length(s.query) < 100000
  AND s.query ~* '^\s*(/\*.*?\*/\s*)*(select|with|insert|update|delete|merge|values|table|prepare|\()'
  AND strpos(s.query, '/* dbaudit */') = 0
ORDER BY s.total_exec_time DESC
LIMIT 1000
