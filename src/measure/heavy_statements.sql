-- Purpose:    the statements of this database that took most of the server's time
-- Parameters: $1 how many; $2 what stands before a statement that was prepared by SQL
-- Versions:   13 and later (extension 1.8 and later)
-- Privileges: pg_read_all_stats to see other roles' statements
SELECT s.queryid,
       min(s.query),
       coalesce(sum(s.total_exec_time) / nullif(sum(sum(s.total_exec_time)) OVER (), 0::float8), 0)::float8 AS share,
       (sum(s.total_exec_time) / nullif(sum(s.calls), 0::numeric)::float8)::float8 AS mean_ms,
       sum(s.calls)::float8 AS calls
  FROM (SELECT queryid, dbid, calls, total_exec_time, pg_catalog.regexp_replace(query, $2, '', 'i') AS query
          FROM /* schema */.pg_stat_statements) s
 WHERE s.dbid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
   AND s.queryid IS NOT NULL
   AND s.query ~* '^\s*(/\*.*?\*/\s*)*(select|with|insert|update|delete|merge|values|table|\()'
   AND pg_catalog.strpos(s.query, '/* dbaudit */') = 0
   AND s.query !~* '\m(pg_catalog|pg_stat_[a-z_]+|pg_class|information_schema|hypopg[a-z_]*|dbaudit_[a-z_]+)\M'
   AND s.query !~* '\m(from|join)\s+(only\s+)?pg_[a-z_]+'
 GROUP BY s.queryid
HAVING sum(s.calls) > 0::numeric
 ORDER BY sum(s.total_exec_time) DESC, s.queryid
 LIMIT $1
