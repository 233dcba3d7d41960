-- What a redacted snapshot must know of each column that has statistics or rows: its type, down through domains, and whether an
-- index looks at it.
WITH RECURSIVE bases (oid, base, modifier) AS (
    SELECT t.oid, t.oid, -1 FROM pg_type t WHERE t.typtype <> 'd'
    UNION ALL
    SELECT d.oid, b.base, greatest(d.typtypmod, b.modifier) FROM bases b JOIN pg_type d ON d.typbasetype = b.oid AND d.typtype = 'd'
), types AS (
    SELECT b.oid, greatest(b.modifier, -1) AS modifier,
           CASE WHEN t.typcategory = 'A' AND t.typelem <> 0 THEN 'array' WHEN t.typtype = 'r' THEN 'range' ELSE 'one' END AS shape,
           one.typname, one.typtype, one.typcategory
    FROM bases b
    JOIN pg_type t ON t.oid = b.base
    LEFT JOIN pg_range r ON r.rngtypid = t.oid
    LEFT JOIN bases of_element ON of_element.oid = CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE 0 END
    JOIN pg_type one ON one.oid = coalesce(r.rngsubtype, of_element.base, t.oid)
), looked_at AS (
    SELECT i.indrelid AS relid, k.attnum::int AS attnum FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey) AS k (attnum)
    UNION
    SELECT d.refobjid, d.refobjsubid
    FROM pg_depend d JOIN pg_index i ON i.indexrelid = d.objid
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
)
SELECT n.nspname AS schema, c.relname AS relation, a.attname AS "column", t.shape,
       CASE WHEN t.typtype = 'e' OR t.typname = 'bool' THEN 'kept' WHEN t.typcategory = 'S' THEN 'text' ELSE t.typname END AS type,
       CASE WHEN a.attcollation NOT IN (0, 100) THEN format('%I.%I', ns.nspname, co.collname) END AS collation,
       CASE WHEN t.shape = 'one' THEN nullif(greatest(a.atttypmod, t.modifier), -1) END AS modifier,
       l.relid IS NOT NULL AS indexed
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_index i ON i.indexrelid = c.oid
LEFT JOIN pg_opclass k ON k.oid = i.indclass[a.attnum - 1]
JOIN types t ON t.oid = {column_type}
LEFT JOIN pg_collation co ON co.oid = a.attcollation
LEFT JOIN pg_namespace ns ON ns.oid = co.collnamespace
LEFT JOIN looked_at l ON l.relid = c.oid AND l.attnum = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'm', 'p', 'i', 'I') AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
