-- Sequences: their limits, and the columns that own them or else take their default from them. Their
-- values are read apart, in batches.
-- Servers: 13 to 18. Privileges: none.
SELECT c.oid, n.nspname::text, c.relname::text, s.seqtypid, s.seqstart, s.seqincrement, s.seqmax,
       s.seqmin, s.seqcycle, coalesce(d.refobjid, u.adrelid),
       coalesce(d.refobjsubid, u.adnum),
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
WHERE c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
