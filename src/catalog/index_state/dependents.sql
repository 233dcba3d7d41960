-- What hangs on the indexes of some tables: its comment, the constraint that stands on it, a foreign key that refers to the
-- table through it, the extensions it is marked to depend on, and its expressions with a statistics target of their own.
-- Servers: 13 and later. Privileges: none. $1: the tables' OIDs.
SELECT i.indexrelid AS index,
       (SELECT description FROM pg_description
        WHERE objoid = i.indexrelid AND classoid = 'pg_class'::regclass::oid AND objsubid = 0) AS comment,
       own.conname::text AS constraint, foreign_key.conname::text AS referenced_by,
       ARRAY(SELECT e.extname::text FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
             WHERE d.classid = 'pg_class'::regclass::oid AND d.objid = i.indexrelid AND d.deptype = 'x'
               AND d.refclassid = 'pg_extension'::regclass::oid) AS extensions,
       -- 17 has NULL where older servers have -1.
       (SELECT json_agg(json_build_array(pg_get_indexdef(i.indexrelid, a.attnum::int4, false), a.attstattarget) ORDER BY a.attnum)
        FROM pg_attribute a WHERE a.attrelid = i.indexrelid AND a.attstattarget >= 0)::text AS statistics
FROM pg_index i
LEFT JOIN LATERAL (SELECT conname FROM pg_constraint WHERE conrelid = i.indrelid AND conindid = i.indexrelid
                   AND contype IN ('p', 'u', 'x') LIMIT 1) AS own ON true
LEFT JOIN LATERAL (SELECT conname FROM pg_constraint WHERE confrelid = i.indrelid AND conindid = i.indexrelid
                   AND contype = 'f' LIMIT 1) AS foreign_key ON true
WHERE i.indrelid = ANY ($1)
