-- Per table, a query of the rows at the ends of its B-trees; key: what the index is sorted by first. Among more than a thousand
-- tables, those of fewer rows than a thousand do without: a block for each index is saved, and only merge joins get another cost.
WITH keyed AS (
    SELECT c.oid, n.nspname, c.relname, pg_get_indexdef(i.indexrelid, 1, true) AS key,
           pg_get_expr(i.indpred, i.indrelid) AS predicate
    FROM pg_index i
    JOIN pg_class x ON x.oid = i.indexrelid
    JOIN pg_am am ON am.oid = x.relam AND am.amname = 'btree'
    JOIN pg_class c ON c.oid = i.indrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r'
      AND (c.reltuples >= 1000 OR (SELECT count(*) <= 1000 FROM pg_class WHERE relkind = 'r' AND oid >= 16384))
      AND x.relkind = 'i' AND i.indisvalid AND c.relpersistence <> 't'
      AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
      AND has_table_privilege(c.oid, 'SELECT') AND NOT row_security_active(c.oid)
)
SELECT nspname AS schema, relname AS name,
       -- Values as text, which every type's input function takes; its JSON may be of another form.
       'SELECT json_agg(r) FROM (SELECT DISTINCT ON (place) '
       || (SELECT format('json_object(ARRAY[%s]::text[], ARRAY[%s]::text[])', string_agg(quote_literal(attname), ', '),
                         string_agg(format('(e).%I::text', attname), ', '))
           FROM pg_attribute WHERE attrelid = keyed.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '')
       || ' AS r FROM ('
       || string_agg(format(
              '(SELECT dbaudit_row.ctid AS place, dbaudit_row AS e FROM ONLY %1$I.%2$I AS dbaudit_row WHERE (%3$s) IS NOT NULL%4$s ORDER BY %3$s %5$s LIMIT 1)',
              nspname, relname, key, coalesce(' AND (' || predicate || ')', ''), direction), ' UNION ALL ')
       || ') AS ends WHERE pg_column_size(e) < 100000) AS all_rows' AS query
FROM keyed CROSS JOIN (VALUES ('ASC'), ('DESC')) AS d (direction)
GROUP BY oid, nspname, relname
ORDER BY oid
