-- The indexes of known tables ($1, OIDs) that are not known themselves ($1 as well).
SELECT x.oid, n.nspname AS schema, t.relname AS "table", t.reltuples AS rows, t.relpages AS pages, am.amname AS method,
       ARRAY(SELECT pg_get_indexdef(x.oid, k, true) FROM generate_series(1, i.indnkeyatts::int4) AS k ORDER BY k) AS keys,
       -- Of each key the class, and its columns: itself, or those that the expressions look at.
       ARRAY(SELECT o.opcname::text FROM generate_series(0, i.indnkeyatts - 1) AS k JOIN pg_opclass o ON o.oid = i.indclass[k]
             ORDER BY k) AS classes,
       ARRAY(SELECT coalesce((SELECT attname::text FROM pg_attribute WHERE attrelid = t.oid AND attnum = nullif(i.indkey[k], 0)),
                             (SELECT min(a.attname::text) FROM pg_depend d
                              JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                              WHERE d.classid = 'pg_class'::regclass AND d.objid = x.oid AND d.refobjid = t.oid
                                AND d.refobjsubid > 0), '')
             FROM generate_series(0, i.indnkeyatts - 1) AS k ORDER BY k) AS columns,
       ARRAY(SELECT a.attname::text FROM generate_series(i.indnkeyatts::int, i.indnatts - 1) AS k
             JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[k] ORDER BY k) AS include,
       pg_get_expr(i.indpred, i.indrelid) AS predicate
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
JOIN pg_am am ON am.oid = x.relam
WHERE x.relkind = 'i' AND t.oid = ANY ($1) AND x.oid <> ALL ($1) AND t.reltuples > 0
ORDER BY x.oid
