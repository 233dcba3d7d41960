-- Per B-tree of some size, a query that the planner answers from it: it charges 50 operators for each level.
SELECT n.nspname AS schema, x.relname AS name,
       format('EXPLAIN (FORMAT JSON) SELECT FROM ONLY %I.%I%s ORDER BY %s', n.nspname, c.relname,
              ' WHERE ' || pg_get_expr(i.indpred, i.indrelid), keys.list) AS query
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_am am ON am.oid = x.relam AND am.amname = 'btree'
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
    SELECT string_agg(pg_get_indexdef(i.indexrelid, k, true)
                      || CASE WHEN i.indoption[k - 1] & 1 = 1 THEN ' DESC' ELSE ' ASC' END
                      || CASE WHEN i.indoption[k - 1] & 2 = 2 THEN ' NULLS FIRST' ELSE ' NULLS LAST' END,
                      ', ' ORDER BY k) AS list
    FROM generate_series(1, i.indnkeyatts::int4) AS k
) keys
WHERE c.relkind IN ('r', 'm') AND x.relkind = 'i' AND i.indisvalid AND x.relpages > 2
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND has_table_privilege(c.oid, 'SELECT')
ORDER BY x.oid
