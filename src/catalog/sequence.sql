-- Sequences: their limits, and the columns that own them or else take their default from them. Their
-- values are read apart, in batches. A default of nextval('name'::text) looks the name up when it runs, and no
-- dependency tells of it: the name is taken from the expression, of functions 1574 (nextval) and 1079 (text to
-- regclass); one without a schema is looked for in the table's.
-- Servers: 13 to 18. Privileges: none.
WITH written AS MATERIALIZED (
    SELECT a.oid, a.adrelid, a.adnum, quote_ident(n.nspname) AS of_table,
           replace((regexp_match(pg_get_expr(a.adbin, 0), '\(''((?:[^'']|'''')*)''::text\)'))[1], '''''', '''') AS text
    FROM pg_attrdef a
    JOIN pg_class t ON t.oid = a.adrelid
    JOIN pg_namespace n ON n.oid = t.relnamespace
    WHERE a.adbin::text LIKE '%:funcid 1574 %' AND a.adbin::text LIKE '%:funcid 1079 %'
), named AS (
    SELECT DISTINCT ON (f.full_name) w.adrelid, w.adnum, f.full_name
    FROM written w
    CROSS JOIN LATERAL (SELECT CASE WHEN w.text LIKE '%"%' THEN w.text ELSE lower(w.text) END AS folded) t
    CROSS JOIN LATERAL (SELECT CASE WHEN t.folded LIKE '%.%' THEN t.folded
                                    ELSE w.of_table || '.' || t.folded END AS full_name) f
    ORDER BY f.full_name, w.oid
)
SELECT c.oid, n.nspname::text, c.relname::text, s.seqtypid, s.seqstart, s.seqincrement, s.seqmax,
       s.seqmin, s.seqcycle, coalesce(d.refobjid, u.adrelid, w.adrelid),
       coalesce(d.refobjsubid, u.adnum, w.adnum),
       has_sequence_privilege(c.oid, 'SELECT, USAGE')
FROM pg_sequence s
JOIN pg_class c ON c.oid = s.seqrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_depend d
       ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
      AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
LEFT JOIN (SELECT DISTINCT ON (f.refobjid) f.refobjid, a.adrelid, a.adnum
           FROM pg_depend f
           JOIN pg_attrdef a ON a.oid = f.objid
           WHERE f.classid = 'pg_attrdef'::regclass AND f.refclassid = 'pg_class'::regclass
             AND f.refobjsubid = 0 AND f.deptype = 'n'
           ORDER BY f.refobjid, a.oid) u
       ON u.refobjid = c.oid
LEFT JOIN named w ON w.full_name = quote_ident(n.nspname) || '.' || quote_ident(c.relname)
WHERE c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
