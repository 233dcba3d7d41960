-- Columns of tables, TOAST tables left out.
-- Servers: 13 to 18. Privileges: none.
SELECT a.attrelid, a.attnum, a.attname::text, a.atttypid, a.attlen, a.attalign, a.attstorage,
       a.attnotnull, a.attcollation, a.attstattarget::int2, a.attidentity
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE a.attnum > 0
  AND NOT a.attisdropped
  AND c.relkind IN ('r', 'p', 'm', 'f')
  AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
