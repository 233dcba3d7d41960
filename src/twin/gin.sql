-- Per GIN index, a query that the planner answers from it, once with three conditions and once with four; what a page costs it there.
SELECT n.nspname AS schema, x.relname AS name,
       format('EXPLAIN (FORMAT JSON) SELECT 1 FROM ONLY %1$I.%2$I WHERE %3$s%4$s UNION ALL SELECT 1 FROM ONLY %1$I.%2$I WHERE %3$s AND %5$s%4$s',
              n.nspname, c.relname, concat_ws(' AND ', one.condition, one.condition, one.condition),
              ' AND (' || pg_get_expr(i.indpred, i.indrelid) || ')', one.condition) AS query,
       coalesce((SELECT option_value FROM pg_tablespace s CROSS JOIN pg_options_to_table(s.spcoptions)
                 WHERE s.oid = coalesce(nullif(x.reltablespace, 0), d.dattablespace) AND option_name = 'random_page_cost'),
                '1')::float8 AS page_cost,
       pg_relation_size(x.oid) / current_setting('block_size')::int AS blocks
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_am am ON am.oid = x.relam AND am.amname = 'gin'
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_database d ON d.datname = current_database()
JOIN pg_opclass k ON k.oid = i.indclass[0]
JOIN pg_attribute a ON a.attrelid = x.oid AND a.attnum = 1
LEFT JOIN LATERAL (
    SELECT format('(%s) OPERATOR(%I.%s) (SELECT NULL::%s)', pg_get_indexdef(x.oid, 1, true), ns.nspname, p.oprname,
                  format_type(CASE WHEN t.typtype = 'p' THEN {column_type} ELSE t.oid END, NULL)) AS condition
    FROM pg_amop o
    JOIN pg_operator p ON p.oid = o.amopopr
    JOIN pg_namespace ns ON ns.oid = p.oprnamespace
    JOIN pg_type t ON t.oid = o.amoprighttype
    WHERE o.amopfamily = k.opcfamily AND o.amoppurpose = 's'
    ORDER BY o.amopstrategy
    LIMIT 1
) AS one ON true
WHERE c.relkind IN ('r', 'm') AND x.relkind = 'i' AND x.relpersistence <> 't' AND i.indisvalid
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND has_table_privilege(c.oid, 'SELECT')
